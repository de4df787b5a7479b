"""Strategies and grids by name: a user's own in the working folder, and those of a thesis."""

import re
from pathlib import Path

from backtest.errors import ConfigurationError, near_miss
from backtest.thesis import SHIPPED, Thesis, find_thesis, load_thesis


def folder_of(thesis: Thesis, kind: str) -> Path:
    """Return the folder of a thesis's "strategies" or "sweeps": its own, or a clone's that points to the thesis."""
    own, clone = thesis.folder / kind, SHIPPED.parents[1]
    return own if own.is_dir() or not _points(clone / "strategies", thesis) else clone / kind


def _points(folder: Path, thesis: Thesis) -> bool:
    return (folder / "thesis.toml").is_file() and load_thesis(folder).folder == thesis.folder


def strategies(name: str, thesis: Thesis) -> list[Path]:
    """Return the file of a strategy, or of all; ConfigurationError for a name that neither folder has.

    A file in `strategies/` of the working folder comes before one of the thesis by its name, unless it lies below another
    thesis. "all" leaves out files that define no SPEC: strategies import them.
    """
    if name.endswith(".py"):
        return [Path(name)]
    here = Path.cwd() / "strategies"
    folders = [folder_of(thesis, "strategies")]
    if here.is_dir() and find_thesis(None, here).folder == thesis.folder:
        folders.append(here)
    files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.py"))}
    if name == "all":
        return [files[stem] for stem in sorted(files) if _defines_spec(files[stem])]
    if name not in files:
        raise ConfigurationError(near_miss(f"strategy of thesis {thesis.id}", name, [*files, "all"]))
    return [files[name]]


def grid_path(path: Path, thesis: Thesis) -> Path:
    """Return the path of a grid: the file itself, or the thesis's where only its name is given."""
    named = folder_of(thesis, "sweeps") / f"{path.name.removesuffix('.toml')}.toml"
    return named if not path.exists() and str(path.parent) in (".", "sweeps") and named.is_file() else path


def _defines_spec(path: Path) -> bool:
    """Return whether a file is a strategy, or cannot be read, which is for its loading to tell."""
    try:
        return re.search(r"^SPEC\b", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
    except (OSError, ValueError):
        return True
