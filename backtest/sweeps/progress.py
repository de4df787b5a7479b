"""How far a sweep is: seconds by part, and the seconds until its page is there."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backtest.text.bar import Bar, shows_bars


class Stopwatch:
    """Seconds by part of some work: each call of `lap` ends a part that began with the call before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self.parts: dict[str, float] = {}

    def lap(self, part: str) -> None:
        """End a part; a part of the same name goes on."""
        now = self._clock()
        self.parts[part] = self.parts.get(part, 0.0) + now - self._last
        self._last = now

    @property
    def seconds(self) -> float:
        """Seconds from the beginning to the last lap."""
        return self._last - self._began


class Pace:
    """How long the rest of a sweep's settings take, from those it has evaluated; None before there is enough to go by.

    The settings that are `done` before it begins, and the first chunk of every worker, which waits for compiled code and first
    decisions, say nothing of the pace; then a tenth of the settings has to be done.
    """

    def __init__(self, total: int, done: int, workers: int, clock: Callable[[], float]) -> None:
        self.done, self._total, self._before, self._workers, self._clock = 0, total, done, workers, clock
        self._chunks, self._first, self._since = 0, 0, 0.0

    def left(self, count: int) -> float | None:
        """Return the seconds until all are evaluated, after a chunk of so many settings; None where it is not known yet."""
        self.done += count
        if self.done <= self._before:
            return None
        self._chunks += 1
        if self._chunks <= self._workers:
            self._first, self._since = self.done, self._clock()
            return None
        measured = self.done - self._first
        return (self._total - self.done) * (self._clock() - self._since) / measured if measured >= 0.1 * self._total else None


@contextmanager
def evaluation(total: int, done: int, workers: int, later: float) -> Iterator[Callable[[int], None]]:
    """Yield a counter of settings: a bar with the seconds until the page is there at a terminal, else one line once known.

    `later` is how long what follows the evaluation is expected to take.
    """
    pace, moving, said_once = Pace(total, done, workers, time.monotonic), shows_bars(), False

    def on_progress(count: int) -> None:
        nonlocal said_once
        left = pace.left(count)
        text = None if left is None else f"{left + later:,.0f} s until its page is there"
        bar.advance(count, None if text is None else f"evaluating settings, {text}")
        if text is not None and not moving and not said_once:
            said_once = True
            print(f"{pace.done:,} of {total:,} settings, {text}", file=sys.stderr)

    with Bar("evaluating settings", total) as bar:
        yield on_progress
