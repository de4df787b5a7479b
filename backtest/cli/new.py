"""The command `new`: a folder with a thesis that runs at once."""

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from backtest.errors import ConfigurationError, DataError
from backtest.files import atomic
from backtest.files.messages import reason, shown

TEMPLATE = Path(__file__).parent / "template"
ID = 'id = "mine"'  # in thesis.toml, where the folder's name takes its place


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet or is empty.")],
) -> None:
    """Write a thesis to start from: rows, figures, a signal, a strategy, a grid, a test and a workflow."""
    path = folder.absolute()
    name = re.sub(r"[^a-z0-9]+", "_", path.name.lower()).strip("_")
    if not re.match("[a-z]", name):
        raise ConfigurationError(
            f"new {shown(str(folder))}: expected a folder whose name begins with a letter, such as my_thesis"
        )
    try:
        count = _write(path, name)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({reason(error)}); expected a folder that can, and nothing is left"
        ) from None
    typer.echo(f"{folder}: {count} files; next: cd {folder} && capex-backtest run all")


def _write(path: Path, name: str) -> int:
    """Write the files of the template under a thesis's id, all or none; return how many they are."""
    if path.resolve() == Path.cwd().resolve():
        raise ConfigurationError(f"{path}: is the working folder; expected one that does not exist yet, beside or below it")
    if (path.is_symlink() or path.exists()) and (not path.is_dir() or any(path.iterdir())):
        raise ConfigurationError(f"{path}: is there and not empty; expected a folder that does not exist yet or is empty")
    files = [file for file in sorted(TEMPLATE.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    with atomic.folder(path, replace=True) as fresh:
        for file in files:
            target = fresh / file.relative_to(TEMPLATE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        header = fresh / "thesis.toml"
        header.write_text(header.read_text(encoding="utf-8").replace(ID, f'id = "{name}"'), encoding="utf-8")
    return len(files)
