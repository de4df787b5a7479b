"""Worlds of pure noise, and of noise with an edge in what a strategy holds: how often the audit finds something in each.

`python tools/noise_worlds.py 200` prints the table of benchmarks/audit.md, `1500 199` its first column with more worlds and fewer
draws; a few worlds of each are a test.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd

from backtest.audits.alpha import mean_alpha_test
from backtest.audits.nulls import NULLS, Setting, _targets, compared, drawn_targets, own, settings
from backtest.audits.weight_paths import BookPath
from backtest.data.sources import reference
from backtest.panel import Archive
from backtest.statistics.refusal import Floats, Refused
from backtest.strategy import StrategySpec, load_strategy
from backtest.thesis import load_thesis

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.markets import STRATEGIES, day

UNIVERSE, LAST = load_thesis().universe, day("2026-06-26")
EDGE = 0.03  # a month
COST = 0.001  # of what changes hands, in a book's returns
OWN, FUND, SHARED = 0.018, 0.0045, 0.009  # deviations a session of what is a name's own, a fund's own, and of what all share
SESSIONS, A_YEAR = 1200, 252  # at most so many in a world
FACTORS = {
    "market": (1.0, 0.0045),
    "sector": (1.0, 0.0067),
    "currency": (0.0, 0.0022),
}  # share of the shock, own


@dataclass(frozen=True)
class Planted:
    """An edge a month in every name while it is held; `of_book`: so much that the book itself, cash included, gains it."""

    monthly: float = 0.0
    of_book: bool = False

    def daily(self, targets: Floats) -> float:
        """Return the log return a session that the names held get; `targets` is decisions × tickers."""
        invested = float(targets.sum(axis=1).mean()) if self.of_book else 1.0
        return float(np.log1p(self.monthly)) * 12 / A_YEAR / max(invested, 1e-9)


NOTHING, IN_NAMES, IN_BOOK = Planted(), Planted(EDGE), Planted(EDGE, of_book=True)


def common_shocks(seed: int) -> Floats:
    """Return a world's shock a session that all names and factors share, of variance 1."""
    return np.random.default_rng([seed, 1_000_000]).normal(size=SESSIONS)


def factors_of(seed: int, taken: BookPath) -> pd.DataFrame:
    """Return the returns of a book's factors, from its second session on: fair games too, moved by the shared shock.

    NVIDIA is the name that the book may hold, its edge included.
    """
    sessions = len(taken.wealth)
    generator, common = np.random.default_rng([seed, 2_000_000]), common_shocks(seed)[:sessions]
    table = {}
    for name, (share, apart) in FACTORS.items():
        drift = -((share * SHARED) ** 2 + apart**2) / 2.0
        table[name] = np.expm1(drift + share * SHARED * common + generator.normal(0.0, apart, sessions))
    nvidia = pd.Series(taken.wealth[:, taken.tickers.index("NVDA")]).pct_change()
    return pd.DataFrame(table).assign(NVIDIA=nvidia).iloc[1:]


def returns_of(taken: BookPath, targets: Floats) -> pd.Series:
    """Return a book's return from each session to the next; `targets` is decisions × tickers."""
    value, weights, worth = 1.0, np.zeros(targets.shape[1]), np.ones(len(taken.wealth))
    for number, start in enumerate(taken.fills):
        stop = (*taken.fills[1:], len(taken.wealth) - 1)[number]
        value *= 1.0 - COST * np.abs(targets[number] - weights).sum()
        grown = targets[number] * (taken.wealth[start : stop + 1] / taken.wealth[start])
        path = grown.sum(axis=1) + 1.0 - targets[number].sum()
        worth[start : stop + 1] = value * path
        value, weights = value * path[-1], grown[-1] / path[-1]
    return pd.Series(worth).pct_change().iloc[1:]


def alpha_p(paths: list[BookPath], mine: list[Floats], seed: int) -> float:
    """Return the p-value of the null `factors` in a world."""
    earned = [returns_of(path, table[0]) for path, table in zip(paths, mine, strict=True)]
    return float(mean_alpha_test(earned, [factors_of(seed, path) for path in paths], [A_YEAR] * len(paths)).p)


def worlds(books: list[Setting], targets: list[Floats], planted: Planted, count: int) -> Iterator[list[BookPath]]:
    """Yield the paths of every book in worlds of noise with an edge planted."""
    for seed in range(count):
        paths, common = [], common_shocks(seed)
        for number_of_book, (book, wanted) in enumerate(zip(books, targets, strict=True)):
            sessions, names = book.path.wealth.shape
            starts = np.r_[book.path.fills, sessions - 1]
            generator = np.random.default_rng([seed, number_of_book])
            apart = np.array([FUND if UNIVERSE.supplier(name).theme == "fund" else OWN for name in book.path.tickers])
            fair = -(apart**2 + SHARED**2) / 2.0  # log return of a fair game: no name is expected to gain
            returns = fair + apart * generator.normal(size=(sessions, names)) + SHARED * common[:sessions, None]
            for number in range(len(book.path.fills)):
                returns[starts[number] + 1 : starts[number + 1] + 1] += planted.daily(wanted) * (wanted[number] > 0)
            paths.append(replace(book.path, wealth=np.exp(returns.cumsum(axis=0))))
        yield paths


def p_values(
    spec: StrategySpec,
    archive: Archive,
    nulls: list[str],
    edges: tuple[Planted, ...],
    count: int,
    draws: int,
    books: int | None = None,
) -> list[dict[str, list[float]]]:
    """Return, per edge, each null's p in each world, over the strategy's books (or the first of them).

    A null that the strategy cannot have is left out.
    """
    chosen = settings(spec, archive, UNIVERSE, LAST)[:books]
    mine = [_targets(spec, book, [own(book)]) for book in chosen]
    drawn = {null: drawn_targets(spec, chosen, UNIVERSE, null, draws) for null in nulls if null in NULLS}
    possible = {null: tables for null, tables in drawn.items() if not isinstance(tables, Refused)}
    priced = ["factors"] if "factors" in nulls else []
    return [_p_values(chosen, mine, possible, edge, count, priced) for edge in edges]


def _p_values(
    chosen: list[Setting], mine: list[Floats], drawn: dict[str, list[Floats]], planted: Planted, count: int, priced: list[str]
) -> dict[str, list[float]]:
    by_null: dict[str, list[float]] = {null: [] for null in (*drawn, *priced)}
    for seed, paths in enumerate(worlds(chosen, [tables[0] for tables in mine], planted, count)):
        for null in priced:
            by_null[null].append(alpha_p(paths, mine, seed))
        for null, tables in drawn.items():
            by_null[null].append(getattr(compared(paths, mine, tables), "p", None))
    return by_null


def stands(strategy: str, by_null: dict[str, list[float]], world: int) -> bool:
    """Return whether any null stands in a world: by Holm the smallest p of a family does when it is at most alpha over its size.

    `corrected` says the same, but statsmodels collects garbage at every call, a tenth of a second each.
    """
    rows = load_thesis().hypotheses
    size = {primary: sum(row.primary is primary for row in rows) for primary in (True, False)}
    mine = [row for row in rows if row.strategy == strategy and row.null in by_null]
    return any(by_null[row.null][world] * size[row.primary] <= row.alpha for row in mine)


def main(count: int, draws: int = 499) -> None:
    """Print, per strategy and null, how often p is at most 5% under noise and under the edge, and how often any stands."""
    specs = [load_strategy(path) for path in STRATEGIES]
    archive = Archive(reference.load_facts(), reference.load_prices(sorted(UNIVERSE.market_and_currency())))
    rows, began = load_thesis().hypotheses, monotonic()
    print(f"| strategy | null | noise: p <= 5%, of {count} | {EDGE:.0%} a month in names held | {EDGE:.0%} a month in the book |")
    print("|---|---|---:|---:|---:|")
    for spec in specs:
        nulls = [row.null for row in rows if row.strategy == spec.name]
        by_edge = p_values(spec, archive, nulls, (NOTHING, IN_NAMES, IN_BOOK), count, draws)
        for null in by_edge[0]:
            shares = " | ".join(f"{np.mean([p <= 0.05 for p in by_null[null]]):.1%}" for by_null in by_edge)
            print(f"| {spec.name} | {null} | {shares} |", flush=True)
        stood = [np.mean([stands(spec.name, by_null, world) for world in range(count)]) for by_null in by_edge]
        any_stands = " | ".join(f"{share:.1%}" for share in stood)
        print(f"| **{spec.name}** | any, after correction | {any_stands} |", flush=True)
    print(f"\n{monotonic() - began:.0f} seconds", file=sys.stderr)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*map(int, sys.argv[1:]))
