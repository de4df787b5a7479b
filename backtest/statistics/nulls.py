"""What chance alone would have done: placebo baskets, permuted labels, noise signals, p-values and how small they can be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused

SAME = 1e-12  # rows that differ by less than this differ by rounding


@dataclass(frozen=True)
class Chance:
    """A p-value from draws under a null: `p` = (1 + b) / (1 + draws), b draws at least as large; `least` is its minimum."""

    p: float
    least: float
    draws: int


@dataclass(frozen=True)
class Placebos:
    """Baskets of equal size drawn from a pool, the real one left out; `exact` when they are all there are."""

    baskets: tuple[tuple[str, ...], ...]
    exact: bool
    possible: int


@dataclass(frozen=True)
class Corrected:
    """Holm-adjusted p-values by hypothesis, and how many were tested."""

    adjusted: dict[str, float]
    tests: int


def chance(observed: float, drawn: Floats | Sequence[float], smallest: float = 0.0) -> Chance | Refused:
    """Return the p-value of an observed statistic among draws under the null, large values being unusual.

    p = (1 + b) / (1 + B), never 0: the observed one is itself a draw under the null (Phipson & Smyth 2010). Ties count
    against. `smallest` is a bound from elsewhere, such as 1 / C(N, k); Refused without draws or with a missing value.
    """
    values = np.asarray(drawn, dtype=float)
    if not len(values) or np.isnan(values).any() or np.isnan(observed):
        return Refused("no draws" if not len(values) else "a statistic is missing", len(values))
    least = max(1.0 / (1.0 + len(values)), smallest)
    at_least = int((values >= observed - 1e-12 * abs(observed)).sum())
    return Chance(max((1.0 + at_least) / (1.0 + len(values)), least), least, len(values))


def standardised(values: Floats) -> Floats:
    """Return what is to be compared with draws of unequal distance from their centre; `values` is (observed, draws) × periods.

    t = Σ e / √(s² + m²), with e a row's excess over the draws' mean by period, s² = Σ e² and m the median of the draws' s. With s
    a row far from the centre is hardly large for its distance alone (twice as far, a test of 5% errs 8%, without s 20%); with m
    a row near it is not made large by a small s (as Tusher, Tibshirani & Chu, PNAS 98, 2001, add a constant). 0 where all agree.
    """
    excess = values - values[1:].mean(axis=0)
    spread = np.sqrt((excess**2).sum(axis=1))
    distance = np.hypot(spread, np.median(spread[1:]))
    return np.asarray(np.where(distance > SAME, excess.sum(axis=1) / np.maximum(distance, SAME), 0.0))


def placebo_baskets(pool: Sequence[str], basket: Sequence[str], count: int, seed: int) -> Placebos | Refused:
    """Return baskets of the same size from a pool: every one when there are at most `count`, else `count` different ones.

    Names of the real basket stay in the pool, as the null says that any k names could have been the theme; only the real
    basket itself is left out. Refused when the pool holds no other basket of that size.
    """
    names, own = sorted({*pool, *basket}), tuple(sorted(set(basket)))
    possible = comb(len(names), len(own))
    if possible < 2 or not own:
        return Refused(f"a pool of {len(names)} has no other basket of {len(own)}", len(names))
    exact = possible - 1 <= count
    baskets = combinations(names, len(own)) if exact else _drawn(names, len(own), count + 1, seed)
    others = [names_drawn for names_drawn in baskets if names_drawn != own]
    return Placebos(tuple(others if exact else others[:count]), exact, possible)


def noise_scores(index: pd.Index, names: Sequence[str], persistence: float, count: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield tables of scores that know nothing: each name an independent AR(1) of variance 1 and the given persistence."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        shocks = generator.normal(size=(len(index), len(names)))
        shocks[1:] *= np.sqrt(1.0 - persistence**2)
        scores = shocks.copy()
        for row in range(1, len(scores)):
            scores[row] += persistence * scores[row - 1]
        yield pd.DataFrame(scores, index=index, columns=list(names))


def holm(p_values: Mapping[str, float]) -> Corrected:
    """Return p-values adjusted for the number of hypotheses (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    raised = [p_values[name] * (len(ordered) - rank) for rank, name in enumerate(ordered)]
    largest = dict(zip(ordered, np.minimum(np.maximum.accumulate(raised), 1.0) if raised else [], strict=True))
    return Corrected({name: float(largest[name]) for name in p_values}, len(p_values))


def _drawn(names: Sequence[str], size: int, count: int, seed: int) -> list[tuple[str, ...]]:
    """Return different baskets drawn at random, each equally likely."""
    generator = np.random.default_rng(seed)
    baskets: dict[tuple[str, ...], None] = {}
    while len(baskets) < count:
        baskets[tuple(names[position] for position in sorted(generator.choice(len(names), size, replace=False)))] = None
    return list(baskets)
