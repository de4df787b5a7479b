"""A progress bar on standard error: at a terminal alone, and one at a time."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


def shows_bars() -> bool:
    """Return whether standard error is a terminal that somebody watches."""
    return not os.environ.get("CI") and os.environ.get("TERM") != "dumb" and sys.stderr.isatty()


class Bar:
    """A bar that counts to `total`, a context; silent elsewhere than at a terminal, and within another bar."""

    _shown: ClassVar["Bar | None"] = None

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        if Bar._shown is None and shows_bars():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task(self._what, total=self._total)
            self._progress.start()
            Bar._shown = self
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, Bar._shown = None, None

    def advance(self, count: int = 1, what: str | None = None) -> None:
        """Count on, and say what is done now."""
        if self._progress is not None:
            self._what = what or self._what
            self._progress.update(self._progress.task_ids[0], advance=count, description=self._what)


def counted(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield items and count them on a bar."""
    with Bar(what, total) as bar:
        for item in items:
            yield item
            bar.advance()
