"""Strategies and grids by name: a user's own in the working folder, and those that are shipped."""

import re
from pathlib import Path

from backtest.errors import ConfigurationError, near_miss

PACKAGE = Path(__file__).parent.parent


def shipped(kind: str) -> Path:
    """Return the folder of shipped "strategies" or "sweeps": a clone's own, or the copy within an installed package."""
    clone = PACKAGE.parent
    return clone / kind if (clone / "pyproject.toml").is_file() else PACKAGE / "shipped" / kind


def strategies(name: str) -> list[Path]:
    """Return the file of a strategy, or of all; ConfigurationError for a name that neither folder has.

    A file in `strategies/` of the working folder comes before a shipped one of its name. "all" leaves out files that
    define no SPEC: strategies import them.
    """
    if name.endswith(".py"):
        return [Path(name)]
    folders = (shipped("strategies"), Path.cwd() / "strategies")
    files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.py"))}
    if name == "all":
        return [files[stem] for stem in sorted(files) if _defines_spec(files[stem])]
    if name not in files:
        raise ConfigurationError(near_miss("strategy", name, [*files, "all"]))
    return [files[name]]


def grid_path(path: Path) -> Path:
    """Return the path of a grid: the file itself, or the shipped one where only its name is given."""
    named = shipped("sweeps") / f"{path.name.removesuffix('.toml')}.toml"
    return named if not path.exists() and str(path.parent) in (".", "sweeps") and named.is_file() else path


def _defines_spec(path: Path) -> bool:
    """Return whether a file is a strategy, or cannot be read, which is for its loading to tell."""
    try:
        return re.search(r"^SPEC\b", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
    except (OSError, ValueError):
        return True
