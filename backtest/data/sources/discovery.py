"""Finds sources by walking folders: this one, and the `sources/` of a thesis."""

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from backtest import provenance
from backtest.errors import BacktestError, ConfigurationError, near_miss
from backtest.facts import CONFIDENCE
from backtest.files.messages import shown

if TYPE_CHECKING:
    from backtest.data.sources.protocol import FigureSource, PriceSource, Source

FOLDER = Path(__file__).parent
DEFINES = re.compile(r"^SOURCE\b", re.MULTILINE)
NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = ("reference", "store")  # what --prices and --facts mean by these words
MODULE = "source:"  # before the name of a source file's module: no import can mean another
_loaded: dict[tuple[Path, str], "Source"] = {}


def load_sources(*folders: Path) -> dict[str, "Source"]:
    """Return every source of this package and of some folders, by name, the one that counts first before the others.

    Prices come before figures, then the higher confidence, then the folder given last. ConfigurationError for a file that
    fails, defines no source or one of another name than its own, and for two files of one name.
    """
    sources: dict[str, Source] = {}
    rank: dict[str, tuple[bool, int, int, str]] = {}
    for file in source_files(*folders):
        if file.stem in sources:
            raise ConfigurationError(f"{file}: there is a source '{file.stem}' already; expected another name")
        sources[file.stem] = source = _load(file)
        figures = not price_sources([source])
        rank[file.stem] = (figures, CONFIDENCE.index(source.confidence), -_depth(file, folders), file.stem)
    return {name: sources[name] for name in sorted(sources, key=rank.__getitem__)}


def source_files(*folders: Path) -> list[Path]:
    """Return the files that define a source: those of this package, then every one in some folders, sorted within each."""
    own = [path for path in sorted(FOLDER.glob("*.py")) if DEFINES.search(path.read_text(encoding="utf-8"))]
    given = dict.fromkeys(folder.resolve() for folder in folders)
    return own + [path for folder in given for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def own_files(*folders: Path) -> tuple[Path, ...]:
    """Return every file in some folders of sources, for they may read one another: they count in the ids of a run."""
    paths = [path for folder in folders for path in sorted(folder.resolve().glob("*")) if path.is_file()]
    return tuple(dict.fromkeys(path for path in paths if not path.name.startswith(".")))


def names_source(word: str, *folders: Path) -> bool:
    """Return whether a word is the name of a source, without loading any."""
    return word in {path.stem for path in source_files(*folders)}


def named(sources: Mapping[str, "Source"], names: Sequence[str]) -> list["Source"]:
    """Return some sources by name, or all; ConfigurationError with a near miss for a name that there is not."""
    for name in names:
        if name not in sources:
            raise ConfigurationError(near_miss("source", name, list(sources)))
    return [sources[name] for name in names or sources]


def price_sources(sources: Iterable["Source"]) -> list["PriceSource"]:
    """Return those of some sources that give prices."""
    from backtest.data.sources.protocol import PriceSource

    return [source for source in sources if isinstance(source, PriceSource)]


def figure_sources(sources: Iterable["Source"]) -> list["FigureSource"]:
    """Return those of some sources that give figures."""
    from backtest.data.sources.protocol import FigureSource

    return [source for source in sources if isinstance(source, FigureSource)]


def _depth(file: Path, folders: Sequence[Path]) -> int:
    """Return 0 for a file of this package, else the number of its folder."""
    given = list(dict.fromkeys(folder.resolve() for folder in folders))
    return given.index(file.parent) + 1 if file.parent in given else 0


def _load(file: Path) -> "Source":
    if file.parent == FOLDER:
        return _checked(import_module(f"backtest.data.sources.{file.stem}"), file)
    body = file.read_bytes()
    key = file, hashlib.sha256(body).hexdigest()
    if key not in _loaded:
        _loaded[key] = _checked(_executed(file), file)
    provenance.note_loaded(file)
    return _loaded[key]


def _executed(file: Path) -> object:
    if not NAME.fullmatch(file.stem) or file.stem in RESERVED:
        expected = f"lower-case letters, digits and _, and neither {' nor '.join(RESERVED)}"
        raise ConfigurationError(f"{file}: '{shown(file.stem)}' is no name of a source; expected {expected}")
    spec = spec_from_file_location(MODULE + file.stem, file)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{file}: not a file of Python; expected one that defines SOURCE")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BacktestError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{file}{_line(error, file)}: {type(error).__name__}: {shown(str(error))}") from None
    return module


def _line(error: BaseException, file: Path) -> str:
    if isinstance(error, SyntaxError):
        return f" line {error.lineno}"
    numbers, frame = [], error.__traceback__
    while frame is not None:
        numbers += [frame.tb_lineno] if frame.tb_frame.f_code.co_filename == str(file) else []
        frame = frame.tb_next
    return f" line {numbers[-1]}" if numbers else ""


def _checked(module: object, file: Path) -> "Source":
    """Return the source that a file defines; ConfigurationError for none, or one of another name."""
    from backtest.data.sources.protocol import FigureSource, PriceSource

    source = getattr(module, "SOURCE", None)
    if not isinstance(source, FigureSource | PriceSource):
        raise ConfigurationError(f"{file}: defines no source; expected SOURCE = an instance of a PriceSource or FigureSource")
    for field, expected in (("name", f"'{file.stem}', as the file"), ("address", "an address like https://example.org")):
        stated = getattr(source, field, None)
        if not isinstance(stated, str) or (field == "name" and stated != file.stem):
            raise ConfigurationError(f"{file}: {field} is {shown(repr(stated))}; expected {expected}")
    if source.confidence not in CONFIDENCE:
        raise ConfigurationError(f"{file}: confidence is {shown(repr(source.confidence))}; expected {', '.join(CONFIDENCE)}")
    return source
