"""Which files a run executed: this package's code and rows, the strategy's file, what it imports and what it reads.

Installed dependencies and the standard library do not count. Imports are read from the source, wherever in a file they
stand; what a strategy's code opens while it runs is noted by an audit hook (`open`, `pandas.read_csv`, any import). A file that a
library reads by code of its own (Parquet, SQLite) or a network cannot be seen.
"""

import ast
import hashlib
import inspect
import marshal
import os
import site
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import source_from_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import platformdirs

from backtest.errors import DataError
from backtest.files.hashes import content_id
from backtest.files.reached import functions_of, names_of

Result = TypeVar("Result")
TYPED = ("<stdin>", "<ipython-input")  # how the files of code that was typed are named
PACKAGE = Path(__file__).resolve().parent
_running = threading.local()
_opened: dict[str, set[str]] = {}  # by file, the files that its code opened
_content: dict[str, str] = {}  # the hash of a file when it was last read


def watched(call: Callable[[], Result]) -> Result:
    """Return what a call of a strategy's code returns; the files it opens are noted."""
    return _noting(True, call)


def unwatched(call: Callable[[], Result]) -> Result:
    """Return what a call returns; the files it opens count by their content elsewhere (prices by the data id), not as code."""
    return _noting(False, call)


def _noting(on: bool, call: Callable[[], Result]) -> Result:
    before, _running.on = getattr(_running, "on", False), on
    try:
        return call()
    finally:
        _running.on = before


def note_loaded(path: Path) -> None:
    """Note the content of a strategy file as it is loaded."""
    _content[str(path.resolve())] = _hash(path)


def is_foreign(file: str) -> bool:
    """Return whether a file is neither installed, nor of the standard library, nor of this package."""
    return not file.startswith("<") and _is_foreign(file)


def is_users(file: str) -> bool:
    """Return whether code of a file, by its name, is a user's: of a foreign file, or of none, such as a notebook's cell."""
    return file.startswith(TYPED) or is_foreign(file)


def texts_of(values: Iterable[Any]) -> tuple[bytes, ...]:
    """Return the code of the functions of some values that have no file, such as a notebook's, with the values that they read.

    Each function counts by its source, or its compiled code where that is lost. What it reads counts where it is a number, a
    text, a table, or a container of those; a module counts by its file (`module_files`), anything else by its name.
    """
    parts: list[bytes] = []
    for function in _without_files(values):
        parts += [function.__qualname__.encode(), _source_of(function)]
        parts += [part for read in names_of(function) for part in (read.name.encode(), _content_of(read.value))]
    return tuple(parts)


def _without_files(values: Iterable[Any]) -> list[FunctionType]:
    return [each for each in functions_of(values, is_users) if not os.path.isfile(each.__code__.co_filename)]


def _source_of(function: FunctionType) -> bytes:
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError):
        return marshal.dumps(function.__code__.replace(co_filename="", co_firstlineno=1))


def _content_of(value: Any) -> bytes:
    """Return what identifies a value that a function reads: nothing for what is none that could be compared."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | date | np.generic):
        return repr(value).encode()
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        return np.asarray(pd.util.hash_pandas_object(value, index=True) if not isinstance(value, pd.Index) else value).tobytes()
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype != object else repr(value.tolist()).encode()
    if isinstance(value, dict):
        return b"".join(part for name, each in value.items() for part in (repr(name).encode(), _content_of(each)))
    if isinstance(value, list | tuple | set | frozenset):
        return b",".join(map(_content_of, value if isinstance(value, list | tuple) else sorted(value, key=repr)))
    return b""


def files_of(roots: Iterable[Path]) -> list[Path]:
    """Return some files with every file outside the installed dependencies that they import or opened, directly or not."""
    waiting, reached = [str(path.resolve()) for path in roots], set[str]()
    while waiting:
        file = waiting.pop()
        if file in reached or not is_foreign(file):
            continue
        if os.path.isfile(file):
            reached.add(file)
            waiting += _imported(file, _hash(Path(file)))
        waiting += _opened.get(file, ())  # of a notebook's cell too, which is no file
    return sorted(map(Path, reached))


def package_parts(suffix: str) -> tuple[bytes, ...]:
    """Return name and content of every file of this package with a suffix, as when first asked for."""
    return _package()[suffix]


def strategy_parts(roots: Sequence[Path], python: bool | None = None) -> list[bytes]:
    """Return name and content of every file a strategy executed or read; only Python files, or all others, where asked.

    Names are below the folder of the first root, so that they say nothing of where that lies. DataError for a file that has
    changed since it was read.
    """
    parts = []
    for path in files_of(roots):
        if python is not None and (path.suffix == ".py") != python:
            continue
        body = path.read_bytes()
        if _content.get(str(path), digest := hashlib.sha256(body).hexdigest()) != digest:
            raise DataError(f"{path}: changed after it was loaded; expected a file that stays as it is, run again")
        parts.append((_name(path, roots[0].resolve().parent), body))
    return [part for name, body in sorted(parts) for part in (name.encode(), body)]


def code_id(roots: Sequence[Path], texts: Sequence[bytes] = ()) -> str:
    """Return a hash of all code that a run executed: this package's code and rows, a strategy's files, and texts without one."""
    return content_id([*package_parts(".py"), *package_parts(".toml"), *strategy_parts(roots), *texts])


def module_files(values: Iterable[Any]) -> list[Path]:
    """Return the files in which the classes of some values are written, and of what their fields hold, without this package's.

    Of functions without a file, the files of what they read count, and the names by which they open files.
    """
    files: dict[str, None] = {}
    waiting = list(values)
    for function in _without_files(waiting):
        files[function.__code__.co_filename] = None
        waiting += [read.value for read in names_of(function) if isinstance(read.value, FunctionType | ModuleType | type)]
    while waiting:
        value = waiting.pop()
        module = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
        file = getattr(value if isinstance(value, ModuleType) else module, "__file__", None)
        if file and is_foreign(file):
            files[str(Path(file).resolve())] = None
        waiting += vars(value).values() if hasattr(value, "__dataclass_fields__") and hasattr(value, "__dict__") else ()
        waiting += value if isinstance(value, tuple) else ()
    return [Path(file) for file in sorted(files)]


@lru_cache
def _package() -> dict[str, tuple[bytes, ...]]:
    contents: dict[str, tuple[bytes, ...]] = {}
    for suffix in (".py", ".toml"):
        paths = sorted(PACKAGE.rglob(f"*{suffix}"))
        contents[suffix] = tuple(
            part for path in paths for part in (path.relative_to(PACKAGE).as_posix().encode(), path.read_bytes())
        )
    return contents


def _name(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Return the folders of dependencies, the standard library, and what libraries keep for themselves."""
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), "/proc", "/sys", "/dev", "/etc", "/usr/share"}
    folders |= {platformdirs.user_cache_dir(), platformdirs.user_config_dir(), platformdirs.user_data_dir()}
    return tuple(os.path.realpath(folder) + os.sep for folder in folders)


@lru_cache(maxsize=8192)
def _is_foreign(file: str) -> bool:
    path = os.path.realpath(file)
    return not path.startswith((str(PACKAGE) + os.sep, *_installed())) and f"{os.sep}__pycache__{os.sep}" not in path


@lru_cache(maxsize=1024)
def _statements(file: str, _content_hash: str) -> tuple[tuple[str, int], ...]:
    """Return every name that a Python file imports, with how many folders up it begins (0: anywhere)."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    names: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = [node.module] if node.module else []
            names += [(".".join([*above, alias.name]), node.level) for alias in node.names] + [(m, node.level) for m in above]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                names.append((node.args[0].value, 0))
    return tuple(dict.fromkeys(names))


def _imported(file: str, content_hash: str) -> Iterator[str]:
    """Yield the foreign files that a Python file imports, packages above them included."""
    if not file.endswith(".py"):
        return
    for name, level in _statements(file, content_hash):
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            location = _relative(Path(file), parts[:count], level) if level else _located(".".join(parts[:count]))
            if location and is_foreign(location):
                yield os.path.realpath(location)


def _relative(file: Path, parts: list[str], level: int) -> str | None:
    base = file.parents[level - 1] if level <= len(file.parents) else file.parent
    for path in (base.joinpath(*parts).with_suffix(".py"), base.joinpath(*parts, "__init__.py")):
        if path.is_file():
            return str(path)
    return None


def _located(name: str) -> str | None:
    """Return the file of a module that is loaded or could be, without loading it."""
    if (module := sys.modules.get(name)) is not None:
        return getattr(module, "__file__", None)
    top, _, _ = name.rpartition(".")
    folders = getattr(sys.modules.get(top), "__path__", None) if top else None
    if top and folders is None:
        return None
    spec = PathFinder.find_spec(name, list(folders) if folders is not None else None)
    return spec.origin if spec is not None and spec.has_location else None


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    """Note a file that a strategy's code opens for reading, under the file whose code opened it."""
    if event != "open" or not getattr(_running, "on", False):
        return
    path, _, flags = arguments
    if not isinstance(path, str | bytes | os.PathLike) or (flags or 0) & (os.O_WRONLY | os.O_TRUNC):
        return
    _running.on = False  # what follows opens files itself
    try:
        file = os.path.realpath(_source(os.fsdecode(path)))
        opener = _opener()
        if opener and file != opener and is_foreign(file) and os.path.isfile(file):
            _opened.setdefault(opener, set()).add(file)
            _content[file] = _hash(Path(file))
    finally:
        _running.on = True


def _source(file: str) -> str:
    """Return the source of a compiled file, or the file itself."""
    try:
        return source_from_cache(file) if file.endswith(".pyc") else file
    except ValueError:
        return file


def _opener() -> str | None:
    """Return the innermost foreign file on the stack, up to where the strategy's code was called."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code is not watched.__code__:
        if is_foreign(frame.f_code.co_filename):
            return os.path.realpath(frame.f_code.co_filename)
        frame = frame.f_back  # type: ignore[assignment]
    return None


sys.addaudithook(_note_opened)
