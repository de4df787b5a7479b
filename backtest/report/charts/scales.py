"""One axis of a panel: linear or logarithmic, where it ends, where its ticks stand and what they say."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)  # steps between ticks, in powers of ten
MOST_STEPS, MOST_WHOLE = 9, 1e6  # between ticks; numbers from the second on are written as powers of ten
FAR = 1e4  # pixels: nothing is drawn further out
LEAST = 1e-300  # what a value that has no logarithm counts as


@dataclass
class Scale:
    """Maps values to pixels from `start` over `length`, which is negative where values grow against the pixels (upwards).

    Without limits of its own it ends at the values seen, and a `margin` of their span further out at both ends.
    """

    start: float
    length: float
    log: bool = False
    margin: float = 0.05
    low: float | None = None
    high: float | None = None
    steps: int | None = None  # at most so many between ticks; None: as many as have room
    write: Callable[[float], str] | None = None  # what a tick says
    own_ticks: Sequence[float] | None = None
    own_labels: Sequence[str] | None = None
    _seen: list[float] = field(default_factory=list)

    def see(self, values: Iterable[float] | Floats) -> None:
        """Let the axis reach over some values."""
        array = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=float)
        array = array[np.isfinite(array)]
        if len(array):
            self._seen += [float(array.min()), float(array.max())]

    def set_limits(self, low: float | None = None, high: float | None = None) -> None:
        """Fix both ends; one that is not given stays where it is."""
        own = self.limits()
        self.low, self.high = own[0] if low is None else float(low), own[1] if high is None else float(high)

    def limits(self) -> tuple[float, float]:
        """Return the values at both ends."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        low, high = (min(self._seen), max(self._seen)) if self._seen else (0.0, 1.0)
        if self.log:
            first, last = log10(max(low, LEAST)), log10(max(high, LEAST))
            room = (last - first) * self.margin if last > first else 0.05
            return 10 ** (first - room), 10 ** (last + room)
        room = (high - low) * self.margin if high > low else abs(high) * 0.05 or 0.05
        return low - room, high + room

    def places(self, values: Sequence[float] | Floats) -> Floats:
        """Return where values stand, in pixels."""
        low, high = self.limits()
        array = np.asarray(values, dtype=float)
        if self.log:
            array, low, high = np.log(np.maximum(array, LEAST)), float(np.log(low)), float(np.log(high))
        placed: Floats = np.clip(self.start + (array - low) * (self.length / ((high - low) or 1.0)), -FAR, FAR)
        return placed

    def at(self, value: float) -> float:
        """Return where one value stands, in pixels."""
        return float(self.places([value])[0])

    def set_ticks(self, ticks: Sequence[float], labels: Sequence[str] | None = None) -> None:
        """Put ticks at some values, with these words where they are given."""
        self.own_ticks, self.own_labels = [float(tick) for tick in ticks], labels

    def ticks(self, font: float) -> tuple[list[float], list[str]]:
        """Return the ticks within the ends and what each says; `font` is the height of letters in pixels."""
        low, high = sorted(self.limits())
        chosen = self.own_ticks if self.own_ticks is not None else self._round_numbers(low, high, font)
        words = self.own_labels if self.own_labels is not None else self._labels(chosen)
        room = 1e-9 * (high - low)
        pairs = [pair for pair in zip(chosen, words, strict=True) if low - room <= pair[0] <= high + room]
        return [tick for tick, _ in pairs], [word for _, word in pairs]

    def _round_numbers(self, low: float, high: float, font: float) -> list[float]:
        """Return ticks at multiples of a round step: as many as have room, at least two where a smaller step gives them."""
        if not high > low:
            return []
        room = floor(abs(self.length) / font / (2 if self.length < 0 else 3))
        raw = (high - low) / (self.steps or min(max(room, 1), MOST_STEPS))
        power = 10.0 ** floor(log10(raw))
        position = next(number for number, step in enumerate(NICE) if step * power >= raw * (1 - 1e-9))
        for smaller in (position, position - 1, position - 2):
            step = NICE[smaller % 4] * power * (0.1 if smaller < 0 else 1.0) if smaller < 4 else 10.0 * power
            within = 1e-9 * (high - low) / step
            ticks = [number * step for number in range(ceil(low / step - within), floor(high / step + within) + 1)]
            if len(ticks) > 1:
                break
        return ticks

    def _labels(self, ticks: Sequence[float]) -> list[str]:
        if self.write is not None:
            return [self.write(tick) for tick in ticks]
        if max(map(abs, ticks), default=0.0) >= MOST_WHOLE:
            return [minus(re.sub(r"\.?0*e([+-])0*", r"e\1", f"{tick:.3e}").replace("e+", "e")) if tick else "0" for tick in ticks]
        gaps = [abs(second - first) for first, second in pairwise(ticks)] or [abs(tick) for tick in ticks]
        least = min((gap for gap in gaps if gap > 0), default=1.0)
        digits = next((count for count in range(12) if abs(round(least, count) - least) < 1e-6 * least), 12)
        return [minus(f"{tick:.{digits}f}") for tick in ticks]


def minus(text: str) -> str:
    """Return a number with the sign of a minus in place of a hyphen, none before zero."""
    return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")
