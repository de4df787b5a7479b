"""Signals: scores of themes or tickers, computed from a Panel. One file each; a file added here is found by itself.

A signal module `some_name.py` defines the frozen dataclass `SomeName`, all of whose fields have defaults. Called with a
Panel it returns a Series of scores by theme or ticker: higher is better, NaN is no opinion, and nothing but the Panel
is read. Who plays which part comes from the roles of the panel's thesis: a field of type Group names a role, or entities in its
place; the class attribute `roles` has the roles that the default parameters need, `loaded` is true of one that reads loadings,
`is_growth` of one whose values are growth a year.
A signal of quarterly figures also has `values` and `inputs` (see QuarterlySignal), and may have `parts`: further numbers of a
quarter, by name.
"""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from backtest.calendars import quarter_label
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import CONFIDENCE, EVIDENCE, Fact, SeriesKey
from backtest.panel import Panel
from backtest.thesis import Thesis
from backtest.thesis.own_signals import load_own_signals

Group = str | tuple[str, ...]  # a role of the thesis by its name, or entities
SUPPLY_CHAIN = "supply_chain"  # the index of a score that speaks of the supply chain as a whole


class Signal(Protocol):
    """Frozen parameters; scores by theme or ticker."""

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the scores a panel supports."""


@runtime_checkable
class QuarterlySignal(Protocol):
    """A signal computed from quarterly figures."""

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the scores a panel supports."""

    def values(self, panel: Panel) -> np.ndarray:
        """Return one value per quarter of `panel.quarters`, NaN where an input is unknown."""

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return every figure the value of a quarter was computed from."""


@dataclass(frozen=True)
class Reading:
    """A signal's value for a quarter, with the figures behind it: known when the last of them was."""

    value: float
    inputs: tuple[Fact, ...]
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def known_at(self) -> str:
        """When the last input was published, as its source states it."""
        return max(self.inputs, key=lambda fact: fact.known_at).published

    @property
    def evidence(self) -> str:
        """The weakest evidence among the inputs."""
        return max((fact.evidence for fact in self.inputs), key=EVIDENCE.index)

    @property
    def confidence(self) -> str:
        """The lowest confidence among the inputs."""
        return max((fact.confidence for fact in self.inputs), key=CONFIDENCE.index)

    def as_dict(self) -> dict[str, object]:
        """Return the reading for JSON."""
        return {
            "value": float(self.value),
            "known_at": self.known_at,
            "evidence": self.evidence,
            "confidence": self.confidence,
            **({"parts": self.parts} if self.parts else {}),
            "inputs": [fact.as_dict() for fact in self.inputs],
        }


def readings(signal: QuarterlySignal, panel: Panel) -> dict[str, Reading]:
    """Return a signal's value for every quarter in which it has one, by calendar quarter."""
    parts: Callable[[Panel, int], dict[str, float]] = getattr(signal, "parts", lambda panel, quarter: {})
    return {
        quarter_label(quarter): Reading(float(value), signal.inputs(panel, quarter), parts(panel, quarter))
        for quarter, value in zip(panel.quarters.tolist(), signal.values(panel), strict=True)
        if np.isfinite(value)
    }


def describe(signal: Signal, panel: Panel) -> dict[str, object]:
    """Return a signal's score (one number for the supply chain, else one per name) and its quarters, for JSON."""
    scores = signal(panel)
    quarters = readings(signal, panel) if isinstance(signal, QuarterlySignal) else {}
    return {
        "score": float(scores.iloc[0]) if list(scores.index) == [SUPPLY_CHAIN] else scores.to_dict(),
        "quarters": {quarter: reading.as_dict() for quarter, reading in quarters.items()},
    }


def latest(values: np.ndarray) -> int | None:
    """Return the position of the latest complete quarter: the last value whose every input is known."""
    known = np.flatnonzero(np.isfinite(values))
    return int(known[-1]) if len(known) else None


def newest(values: np.ndarray) -> pd.Series:
    """Return the value of the latest complete quarter as a supply-chain score, NaN for none."""
    last = latest(values)
    return supply_chain_score(np.nan if last is None else float(values[last]))


def change(values: np.ndarray, window: int) -> pd.Series:
    """Return the change over `window` quarters up to the latest complete one as a supply-chain score, NaN for none."""
    last = latest(values)
    if last is None or last < window:
        return supply_chain_score(np.nan)
    return supply_chain_score(float(values[last] - values[last - window]))


def four_quarter_growth(totals: np.ndarray) -> np.ndarray:
    """Return growth over four quarters (rows) as a fraction, NaN for the first four."""
    grown = np.full(totals.shape, np.nan)
    grown[4:] = totals[4:] / totals[:-4] - 1.0
    return grown


def in_usd(panel: Panel, series: Sequence[SeriesKey]) -> np.ndarray:
    """Return quarters × series of money in USD million, each at its quarter's mean rate; NaN where figure or rate is unknown."""
    columns = []
    for key in series:
        money, rates = panel.matrix((key,))[:, 0], panel.rate_of((key,))
        columns.append(money / panel.matrix(rates)[:, 0] if rates else money)
    return np.column_stack(columns)


def dollar_series(panel: Panel, series: Sequence[SeriesKey]) -> tuple[SeriesKey, ...]:
    """Return the series that `in_usd` reads: those given and, once each, the rates that they are counted at."""
    return tuple(dict.fromkeys([*series, *(rate for key in series for rate in panel.rate_of((key,)))]))


def supply_chain_score(score: float) -> pd.Series:
    """Return a score that speaks of the supply chain as a whole."""
    return pd.Series([score], index=[SUPPLY_CHAIN])


def cited(facts: Iterable[Fact | None]) -> tuple[Fact, ...]:
    """Return the figures that are known, in order."""
    return tuple(fact for fact in facts if fact is not None)


def load_signals(thesis: Thesis) -> dict[str, Signal]:
    """Return the signals of this folder whose roles a thesis names, then its own, with default parameters, by module name."""
    shipped = {name: signal for name, signal in _shipped().items() if _supported(signal, thesis)}
    own: dict[str, Signal] = load_own_signals(thesis)
    if twice := sorted(shipped.keys() & own.keys()):
        raise ConfigurationError(f"signals/{twice[0]}.py: this package has a signal of that name; expected another file name")
    every = shipped | own
    for name in thesis.drawn_signals:
        if not isinstance(every.get(name), QuarterlySignal):
            quarterly = [known for known, signal in every.items() if isinstance(signal, QuarterlySignal)]
            raise ConfigurationError(f"pages.toml: {near_miss('quarterly signal', name, quarterly)}")
    return every


def _supported(signal: Signal, thesis: Thesis) -> bool:
    """Return whether a thesis has what a signal's default parameters need: its roles, and loadings for one that reads them."""
    return thesis.has_roles(getattr(signal, "roles", ())) and (bool(thesis.loadings) or not getattr(signal, "loaded", False))


@lru_cache
def _shipped() -> dict[str, Signal]:
    signals = {}
    for module in (module for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")):
        name = "".join(part.title() for part in module.name.split("_"))
        signals[module.name] = getattr(import_module(f"{__name__}.{module.name}"), name)()
    return signals
