"""Imports between a user's own files: a strategy can import what lies beside it, and the signals of its thesis."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


class _Neighbours(MetaPathFinder):
    """Finds modules in the folders of strategies and of a thesis's signals, after every other finder: none can hide a module.

    The latest folder comes first.
    """

    def __init__(self) -> None:
        self.folders: list[str] = []

    def add(self, folder: Path) -> None:
        """Put a folder first, and forget modules of other folders that it has a file for."""
        if self not in sys.meta_path:
            sys.meta_path.append(self)
        others = [other for other in self.folders if other != str(folder)]
        inside = tuple(os.path.join(other, "") for other in others)
        for name, module in [*sys.modules.items()]:
            theirs = "." not in name and str(getattr(module, "__file__", None)).startswith(inside)
            if theirs and PathFinder.find_spec(name, [str(folder)]):
                del sys.modules[name]
        self.folders = [str(folder), *others]

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """Return where a top-level module lies in those folders."""
        return PathFinder.find_spec(name, self.folders) if path is None else None


neighbours = _Neighbours()
