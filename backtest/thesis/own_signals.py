"""The signals that a thesis brings: a file each in its folder `signals/`, found by itself as those of this package are."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from backtest import provenance
from backtest.errors import ConfigurationError
from backtest.files.neighbours import neighbours
from backtest.guard import attempt
from backtest.thesis import Thesis


def load_own_signals(thesis: Thesis) -> dict[str, Any]:  # a Signal each, which stands above this package
    """Return a thesis's own signals with default parameters, by module name; ConfigurationError for a file that defines none."""
    files = [path for path in sorted(thesis.folder.glob("signals/*.py")) if not path.stem.startswith("_")]
    if files:
        neighbours.add(files[0].parent)
    return {path.stem: _signal(path) for path in files}


def _signal(path: Path) -> Any:
    if not _loaded(path):
        provenance.note_loaded(path)  # what runs is what was loaded: an edited file is refused by its ids
    module = attempt(f"signal file {path}", lambda: import_module(path.stem))
    if (file := getattr(module, "__file__", None)) is None or Path(file).resolve() != path.resolve():
        raise ConfigurationError(f"{path}: a module named '{path.stem}' is installed ({file}); expected another file name")
    name = "".join(part.title() for part in path.stem.split("_"))
    made = getattr(module, name, None)
    if not isinstance(made, type):
        raise ConfigurationError(f"{path}: defines no class {name}; expected a frozen dataclass of that name")
    return attempt(f"{name} with its default parameters", made)


def _loaded(path: Path) -> bool:
    file = getattr(sys.modules.get(path.stem), "__file__", None)
    return file is not None and Path(file).resolve() == path.resolve()
