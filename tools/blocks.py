"""Runs the blocks of the documents, each page in a folder of its own: python tools/blocks.py PAGE ... prints what differs.

With `--write` the outputs that a page shows are made anew. What a block is follows from its language and the line before it:

- `console`: lines that begin with `$ ` are commands, the lines below each what it prints; `...` stands for any lines.
- `python`, `toml`, `csv` and others after a line that begins with a path in code: the file of that path.
- `python` otherwise: it runs, and a `text` block right after it is what it prints, its last expression included.
- any of them after a line that begins with *Not run by the tests: it is left alone, and counted.
"""

import ast
import io
import os
import re
import runpy
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^`([\w./-]+\.(?:py|toml|csv|yml))`")
NOT_RUN = "*Not run by the tests:"
ANY = "..."
HERE = "/home/you"  # what outputs show in place of the folder in which the pages run
Shorter = Mapping[str, Sequence[str]]  # words of a command, and options that make it take less time and print the same


class Block(NamedTuple):
    """A fenced block: its language, text and line, the file that it is, and whether it is left alone."""

    language: str
    text: str
    line: int
    file: str = ""
    left_alone: bool = False


class Difference(NamedTuple):
    """What a block was to print, and what it printed."""

    line: int
    command: str
    expected: str
    printed: str


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page in order."""
    each = []
    for match in FENCE.finditer(text):
        before = text[: match.start()].split("```")[-1].rstrip("\n").split("\n\n")[-1].splitlines() or [""]
        names = [name[1] for line in before if (name := FILE.match(line))]
        line = text.count("\n", 0, match.start()) + 1
        is_file = bool(names) and match[1] != "console"
        each.append(Block(match[1], match[2], line, names[-1] if is_file else "", before[-1].startswith(NOT_RUN)))
    return each


def run_pages(pages: Sequence[Path], folder: Path, shorter: Shorter | None = None) -> dict[Path, list[Difference]]:
    """Run the blocks of some pages one after another, beginning in a folder; return what differs, by page."""
    global _begun
    _begun = folder
    _ran.clear()
    with _at(folder):
        return {page: run_page(page.read_text(encoding="utf-8"), page.name, shorter or {}) for page in pages}


def run_page(text: str, name: str, shorter: Shorter) -> list[Difference]:
    """Run the blocks of a page in the working folder; an exception of a block is what it printed."""
    each, differences, namespace = blocks(text), [], {"__name__": "__main__"}
    for block, after in zip_longest(each, each[1:]):
        if block.left_alone:
            continue
        if block.file:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            _ran.clear()
        elif block.language == "console":
            differences += _run_console(block, shorter)
        elif block.language == "python":
            files = _files()
            printed = _printed(lambda block=block: _execute(block, name, namespace))
            if _files() != files:
                _ran.clear()
            expected = after.text if after is not None and after.language == "text" and not after.file else printed
            if not matches(expected, printed) or "Traceback: " in printed:
                differences.append(Difference(block.line, "", expected, printed))
    return differences


def _run_console(block: Block, shorter: Shorter) -> Iterator[Difference]:
    for number, (line, expected) in enumerate(commands(block.text)):
        words = shlex.split(line, comments=True)
        again = (os.getcwd(), *words)  # a command that ran in this folder, with no file written since, prints the same
        if expected.strip() in ("", ANY):
            words += [word for name in words for word in shorter.get(name, ())]
        if again not in _ran:
            _ran[again] = _printed(lambda words=words: _command(words)), _last_code
        printed, code = _ran[again] if words[0] == "capex-backtest" else _ran.pop(again)
        fails = "Traceback: " in printed or (code and not re.search("^error: ", expected, re.MULTILINE))
        if fails or (expected.strip() and not matches(expected, printed)):
            yield Difference(block.line + number, line, expected, printed)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that is shown for it; a line that ends in \\ goes on."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", " ").partition("\n")
        yield command, output


def matches(expected: str, printed: str) -> bool:
    """Return whether a text is as expected, where a line of three dots stands for any lines; ends of lines do not count."""
    parts = [_trimmed(part) for part in re.split(r"^\.\.\.$", expected, flags=re.MULTILINE)]
    pattern = r"(?:.*\n)*?".join(re.escape(f"{part}\n" if part else "") for part in parts)
    return re.fullmatch(pattern, f"{_trimmed(printed)}\n") is not None or (not _trimmed(expected) and not _trimmed(printed))


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


_begun = Path.cwd()  # where the pages that run began to work
_last_code = 0
_ran: dict[tuple[str, ...], tuple[str, int]] = {}


def _command(words: Sequence[str]) -> None:
    """Run a command in this process."""
    global _last_code
    name, *rest = words
    code, _last_code = _last_code, 0
    if name == "capex-backtest" or words[:3] == ["python", "-m", "backtest"]:
        from backtest.cli.app import main

        _last_code = _code_of(lambda: main(rest if name == "capex-backtest" else words[3:]))
    elif name == "python":
        sys.argv = rest
        _last_code = _code_of(lambda: runpy.run_path(rest[0], run_name="__main__"))
    elif name == "echo" and rest == ["$?"]:
        print(code)
    elif name == "cd":
        os.chdir(rest[0])
    elif name == "mkdir":
        Path(rest[-1]).mkdir(parents=True, exist_ok=True)
    elif name == "ls":
        print(*sorted(path.name for path in Path(rest[0] if rest else ".").iterdir()), sep="\n")
    elif name == "export":
        os.environ.update([rest[0].split("=", 1)])
    else:
        raise ValueError(f"'{name}' is no command that tools/blocks.py knows; expected one, or a block marked '{NOT_RUN}'")


def _files() -> dict[Path, int]:
    """Return the files of the working folder, each with when it was last changed."""
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*") if path.is_file()}


def _code_of(call: Callable[[], object]) -> int:
    try:
        call()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _execute(block: Block, name: str, namespace: dict[str, object]) -> None:
    """Run Python; what its last expression gives is printed as a notebook prints it."""
    tree = ast.parse(block.text, f"{name} line {block.line}")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"{name} line {block.line}", "exec"), namespace)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), f"{name} line {block.line}", "eval"), namespace)
        if value is not None:
            print(value if isinstance(value, str) else repr(value))


def _printed(call: Callable[[], object]) -> str:
    """Return what a call prints, to either stream, and the exception that it raises."""
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        try:
            call()
        except Exception as error:
            print(f"Traceback: {type(error).__name__}: {error}")
    home = os.environ.get("BACKTEST_HOME", "")
    return text.getvalue().replace(str(_begun), HERE).replace(home or HERE, HERE)


@contextmanager
def _at(folder: Path) -> Iterator[None]:
    """Work in a folder; afterwards folder, environment, arguments and imported modules are as they were."""
    before, environment, arguments, path = Path.cwd(), {**os.environ}, [*sys.argv], [*sys.path]
    os.chdir(folder)
    os.environ["COLUMNS"] = "80"
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, sys.path[:] = arguments, path
        for name, module in [*sys.modules.items()]:
            if Path(getattr(module, "__file__", None) or ROOT).is_relative_to(folder):
                del sys.modules[name]


def written(text: str, differences: Sequence[Difference]) -> str:
    """Return a page with the outputs that differ as they were printed."""
    for difference in reversed(differences):
        start = sum(map(len, text.splitlines(keepends=True)[: difference.line - 1]))
        shown = f"$ {difference.command}\n{difference.expected}" if difference.command else f"```text\n{difference.expected}"
        anew = shown.removesuffix(difference.expected) + f"{_trimmed(difference.printed)}\n"
        text = text[:start] + text[start:].replace(shown, anew, 1)
    return text


def main(arguments: Sequence[str]) -> None:
    """Run some pages as one chain, and print or write what differs."""
    pages = [Path(name) for name in arguments if not name.startswith("--")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BACKTEST_HOME"] = f"{folder}/home"
        work = Path(folder, "work")
        work.mkdir()
        for page, differences in run_pages([page.resolve() for page in pages], work).items():
            for difference in differences:
                print(f"{page.name} line {difference.line}: {difference.command}")
                print(f"expected:\n{difference.expected}\nprinted:\n{difference.printed}")
            if "--write" in arguments:
                page.write_text(written(page.read_text(encoding="utf-8"), differences), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
