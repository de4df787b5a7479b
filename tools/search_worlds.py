"""Sweeps over worlds of noise, and of noise with momentum planted: how often a search is called overfitted, and how often found.

`python tools/search_worlds.py 40` prints the last table of benchmarks/sizes.md; a few worlds of each are a test. Prices are fair
games on Shanghai's calendar, nothing costs anything, and every setting goes through the evaluator and `measure` as in a sweep.
"""

import sys
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from backtest import calendars
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.signals.momentum import Momentum
from backtest.statistics.refusal import Floats, Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.chunks import encoded, evaluate, plan
from backtest.sweeps.grid import Grid
from backtest.sweeps.measurement import measure
from backtest.sweeps.results import SearchStatistics
from backtest.sweeps.settings import Settings
from backtest.sweeps.workers import WorkerPool
from backtest.thesis import load_thesis
from backtest.weights import Rotation

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.markets import CURRENCY, day, no_facts, spec_of

UNIVERSE = load_thesis().universe
NAMES = tuple(sorted({name for theme in ("optical", "copper", "PCB") for name in UNIVERSE.basket(theme).members}))
FUNDS = tuple(fund.ticker for fund in UNIVERSE.benchmarks if fund.market == "XSHG")
OWN, FUND, SHARED = 0.01, 0.0025, 0.005  # deviations a day of what is a name's own, a fund's own, and of what all share
MONTH, LOOKBACK, TOP = 21, 63, 2  # sessions, sessions, names: what the planted edge follows
GRID = Grid({"signals.0.months": (2, 3, 6, 9), "signals.0.skip_months": (0, 1), "weights.top": (1, 2, 3, 4), "lag": (1, 2)})
SPEC = spec_of(
    baskets=NAMES,
    together=True,
    base="CNY",
    signals=(Momentum(3, 0),),
    weights=Rotation(top=2),
    cost_bps=0.0,
    slippage_bps=0.0,
    start="2022-01-01",
)


@cache
def calendar() -> pd.Series:
    """Return the closes of Shanghai's sessions: ten months for momentum to begin with, then 1,083 days."""
    return calendars.closes("XSHG", day("2021-03-01"), day("2026-06-26"))


def wealth(seed: int, monthly: float) -> Floats:
    """Return prices that are fair games, but for what is planted: the names that rose most of late gain that much a month."""
    generator, sessions = np.random.default_rng([seed, 3_000_000]), len(calendar())
    own = np.repeat([OWN, FUND], [len(NAMES), len(FUNDS)])
    grown = own * generator.normal(size=(sessions, len(own))) + SHARED * generator.normal(size=(sessions, 1))
    grown -= (own**2 + SHARED**2) / 2.0  # log return of a fair game
    for first in range(LOOKBACK, sessions, MONTH):
        best = grown[first - LOOKBACK : first, : len(NAMES)].sum(axis=0).argsort()[-TOP:]
        grown[first : first + MONTH, best] += np.log1p(monthly) / MONTH
    return np.asarray(100.0 * np.exp(grown.cumsum(axis=0)))


def archive(seed: int, monthly: float) -> Archive:
    """Return a world."""
    names, closes = [*NAMES, *FUNDS], calendar()
    source = f"world {seed} with {monthly:.0%} a month"
    table = pd.DataFrame(wealth(seed, monthly), closes.index, names)
    market, rate = dict.fromkeys(names, "XSHG"), pd.DataFrame({"CNY": 7.0}, closes.index)
    currency = dict.fromkeys(names, CURRENCY["XSHG"])
    return Archive(no_facts(), Prices(table, market, currency, {"XSHG": closes}, rate, "none", source, source))


def swept(seed: int, monthly: float) -> SearchStatistics:
    """Return what a sweep of a world says of its best setting."""
    settings, world = Settings(SPEC, GRID), archive(seed, monthly)
    with TemporaryDirectory() as folder, WorkerPool(1, None, settings, world) as pool:
        chunks = plan(settings, [str(seed), str(monthly)], Path(folder))
        evaluate(chunks, False, partial(pool.each, encoded), lambda _: None)
        return measure(chunks, settings, world, pool, len(settings)).statistics


def figures(monthly: float, count: int) -> Floats:
    """Return, per world, the Deflated Sharpe Ratio, PBO and SPA's p; and over twins SPA's p and the Deflated Sharpe Ratios."""
    rows = []
    for seed in range(count):
        worth = swept(seed, monthly)
        search, twins = (worth.deflated_sharpe, worth.pbo, worth.spa), worth.twins
        over_twins = (twins.spa, twins.deflated_sharpe, twins.deflated_sharpe_curves)
        assert not any(isinstance(part, Refused) for part in (*search, *over_twins))
        rows.append([part.consistent if isinstance(part, Superior) else part.probability for part in (*search, *over_twins)])
    return np.array(rows)


def main(count: int) -> None:
    """Print how often each check calls the search a find."""
    size = len(Settings(SPEC, GRID))
    over_twins = "SPA over twins p at most 5% | Deflated Sharpe over twins above 95% | the same, N curves"
    checks = f"Deflated Sharpe above 95% | mean PBO | PBO at most 5% | SPA p at most 5% | {over_twins}"
    print(f"| {size} settings, {count} worlds | {checks} |")
    print(f"|---|{'---:|' * 7}")
    for monthly in (0.0, 0.02, 0.04):
        deflated, overfit, p, p_twins, settings, curves = figures(monthly, count).T
        world = "noise" if not monthly else f"{monthly:.0%} a month in the two names that rose most"
        rates = [(deflated > 0.95).mean(), overfit.mean(), (overfit <= 0.05).mean(), (p <= 0.05).mean()]
        rates += [(p_twins <= 0.05).mean(), (settings > 0.95).mean(), (curves > 0.95).mean()]
        print(f"| {world} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
