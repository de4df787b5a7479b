"""The null suite of a strategy: what it would have earned with another basket, other labels, other dates or no signal at all.

The strategy and every draw go through one calculation (`backtest.audits.weight_paths`): no cost, fractions, no market rule.
Growth is the mean over the strategy's books, and the statistic its excess over the draws' mean by its own spread
(`backtest.statistics.nulls.standardised`): a strategy off the centre of the draws, more often in one basket than they are, is
farther from their mean by chance than they are. Large values are unusual.

    placebo   each basket's members by as many others of the same exchange and chain, or of the same exchange where the chain
              has no other such basket
    labels    the names of all baskets dealt out anew, each basket keeping its number
    dates     the scores of the decisions rotated among the decisions, every rotation once: right figures on the wrong dates
    leader    the spells in which the scores stay as they are, all names together, dealt out in another order: the same states for
              as long, knowing nothing of CapEx
    noise     independent AR(1) scores with the values of the strategy's own, their persistence set to its turnover
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtest.audits.weight_paths import BookPath, book_path, log_growth
from backtest.decisions import PRICED_WITHIN, decide, run_sessions
from backtest.panel import Archive
from backtest.result import NullTest
from backtest.statistics.nulls import chance, noise_scores, placebo_baskets, standardised
from backtest.statistics.refusal import Floats, Refused
from backtest.strategy import StrategySpec
from backtest.universe import Universe

Members = Mapping[str, tuple[str, ...]]
Case = tuple[list[pd.Series], list[Members]]  # the score and the members of every decision
DRAWS = 999  # so that the least p of a null can stand among all registered hypotheses
NULLS = ("placebo", "labels", "dates", "leader", "noise")
NEED_A_SIGNAL = ("dates", "leader", "noise")
PERSISTENCE = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
PILOTS = 8


@dataclass(frozen=True)
class Setting:
    """What one book decided on, decision by decision: scores (none without a signal), members, and the day's eligible names."""

    book: str
    scores: list[pd.Series]
    members: list[Members]
    eligible: list[frozenset[str]]
    path: BookPath


def settings(spec: StrategySpec, archive: Archive, universe: Universe, last: pd.Timestamp) -> list[Setting]:
    """Return the setting of every book; names eligible are those listed and priced within fourteen days of the decision."""
    return [_setting(spec, book, archive, universe, last) for book in spec.books]


def null_suite(
    spec: StrategySpec, books: Sequence[Setting], universe: Universe, draws: int = DRAWS
) -> dict[str, NullTest | Refused]:
    """Return per null its p-value, floor, draws and the growth observed and the middle one drawn (log, a year), or why none."""
    mine = [_targets(spec, setting, [own(setting)]) for setting in books]
    paths = [setting.path for setting in books]
    suite: dict[str, NullTest | Refused] = {}
    for null in NULLS:
        drawn = drawn_targets(spec, books, universe, null, draws)
        suite[null] = drawn if isinstance(drawn, Refused) else compared(paths, mine, drawn)
    return suite


def compared(paths: Sequence[BookPath], mine: Sequence[Floats], drawn: Sequence[Floats]) -> NullTest | Refused:
    """Return the p-value and the rest of a null from each book's own targets (one draw) and those drawn."""
    tables = [np.concatenate(both) for both in zip(mine, drawn, strict=True)]
    grown = [log_growth(taken, table) for taken, table in zip(paths, tables, strict=True)]
    statistic = standardised(together(grown))
    odds = chance(float(statistic[0]), statistic[1:], (1.0 + _same(tables)) / len(statistic))
    if isinstance(odds, Refused):
        return odds
    yearly = np.mean([growth.sum(axis=1) / taken.years for growth, taken in zip(grown, paths, strict=True)], axis=0)
    return NullTest(odds.p, float(yearly[0]), odds.least, odds.draws, float(np.median(yearly[1:])))


def together(grown: Sequence[Floats]) -> Floats:
    """Return the mean over books of draws × decisions, matched by number; a book of fewer adds nothing to the last."""
    longest = max(growth.shape[1] for growth in grown)
    return np.asarray(np.mean([np.pad(growth, ((0, 0), (0, longest - growth.shape[1]))) for growth in grown], axis=0))


def drawn_targets(
    spec: StrategySpec, books: Sequence[Setting], universe: Universe, null: str, draws: int
) -> list[Floats] | Refused:
    """Return per book the targets of every draw under a null (draws × decisions × tickers), or why there can be none."""
    if null in NEED_A_SIGNAL and not spec.signals:
        return Refused("the strategy has no signal", 0)
    if null == "labels" and len(spec.baskets) < 2:
        return Refused("the strategy has one basket", 1)
    tables = []
    for setting in books:
        cases = CASES[null](spec, setting, universe, draws)
        if isinstance(cases, Refused):
            return cases
        tables.append(_targets(spec, setting, cases))
    fewest = min(map(len, tables))  # rotations are as many as a book's decisions
    return [table[:fewest] for table in tables]


def seed_of(strategy: str, null: str, book: str) -> int:
    """Return the seed of a null's draws, the same on every machine; draw k is the k-th of its generator."""
    return int.from_bytes(hashlib.sha256(f"{strategy}/{null}/{book}".encode()).digest()[:8], "big")


def own(setting: Setting) -> Case:
    """Return what the strategy itself decided on."""
    return setting.scores, setting.members


def _same(tables: Sequence[Floats]) -> int:
    """Return how many draws hold in every book what the first, the strategy, holds: no p-value can count them as worse."""
    return int(np.all([(table[1:] == table[0]).all(axis=(1, 2)) for table in tables], axis=0).sum())


def _setting(spec: StrategySpec, book: str, archive: Archive, universe: Universe, last: pd.Timestamp) -> Setting:
    prices, tickers = archive.prices, spec.tickers(book, universe)
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), last, spec.currency(book, universe))
    base = spec.currency(book, universe)
    known = [row.ticker for row in universe.suppliers if row.ticker in prices.wealth.columns and row.theme != "fund"]
    names = tuple(ticker for ticker in known if prices.last_session(ticker, sessions[-1]) is None)  # others would stand still
    everyone = tuple(sorted({*tickers, *names}))
    taken = book_path(spec, prices, everyone, sessions, base)
    decisions = decide(spec, book, archive, universe, sessions)[: len(taken.fills)]
    eligible = [_eligible(prices.wealth, universe, everyone, decision.session) for decision in decisions]
    members = [_members(spec, book, universe, names_then) for names_then in eligible]
    return Setting(book, [decision.scores[0] for decision in decisions if decision.scores], members, eligible, taken)


def _eligible(wealth: pd.DataFrame, universe: Universe, tickers: Sequence[str], session: pd.Timestamp) -> frozenset[str]:
    recent = wealth.loc[(wealth.index > session - PRICED_WITHIN) & (wealth.index <= session), list(tickers)]
    priced = recent.notna().any()
    return frozenset(t for t in tickers if priced[t] and universe.supplier(t).listed(session))


def _members(spec: StrategySpec, book: str, universe: Universe, eligible: frozenset[str]) -> Members:
    return {name: tuple(t for t in universe.basket(name).members if t in eligible) for name in spec.books[book]}


def _targets(spec: StrategySpec, setting: Setting, cases: Sequence[Case]) -> Floats:
    """Return what the strategy's own weighting makes of each case."""
    seat = {ticker: column for column, ticker in enumerate(setting.path.tickers)}
    targets = np.zeros((len(cases), len(setting.members), len(seat)))
    for case, (scores, members) in enumerate(cases):
        for number, names in enumerate(members):
            weights = spec.weights(tuple(scores[number : number + 1]), names)
            for ticker, weight in weights.items():
                targets[case, number, seat[ticker]] = weight
    return targets


def _renamed(setting: Setting, baskets: Members) -> Case:
    return setting.scores, [
        {name: tuple(t for t in own if t in then) for name, own in baskets.items()} for then in setting.eligible
    ]


def _placebo(spec: StrategySpec, setting: Setting, universe: Universe, draws: int) -> list[Case] | Refused:
    drawn: dict[str, list[tuple[str, ...]]] = {}
    for name in spec.books[setting.book]:
        seed = seed_of(spec.name, "placebo", name)
        baskets_drawn = placebos(universe.basket(name).members, setting.path.tickers, universe, draws, seed)
        if isinstance(baskets_drawn, Refused):
            return baskets_drawn
        drawn[name] = baskets_drawn
    return [_renamed(setting, {name: baskets[draw] for name, baskets in drawn.items()}) for draw in range(draws)]


def placebos(
    members: Sequence[str], names: Sequence[str], universe: Universe, draws: int, seed: int
) -> list[tuple[str, ...]] | Refused:
    """Return `draws` baskets with as many names per exchange; from the chain where it has another basket, else the exchange.

    Where there are fewer baskets than draws each is drawn again, equally likely.
    """
    rows = {t: universe.supplier(t) for t in {*names, *members} if universe.supplier(t).theme != "fund"}
    generator, parts = np.random.default_rng(seed), []
    for market in sorted({rows[t].market for t in members}):
        own = [t for t in members if rows[t].market == market]
        chains = {rows[t].theme for t in own}
        near = [t for t, row in rows.items() if row.market == market and row.theme in chains]
        far = [t for t, row in rows.items() if row.market == market]
        drawn = placebo_baskets(near, own, draws, seed)
        drawn = placebo_baskets(far, own, draws, seed) if isinstance(drawn, Refused) else drawn
        if isinstance(drawn, Refused):
            return drawn
        parts.append([drawn.baskets[number] for number in generator.integers(len(drawn.baskets), size=draws)])
    return [tuple(t for part in parts for t in part[draw]) for draw in range(draws)]


def _labels(spec: StrategySpec, setting: Setting, universe: Universe, draws: int) -> list[Case]:
    baskets = {name: universe.basket(name).members for name in spec.baskets}
    names = sorted({t for own in baskets.values() for t in own})
    generator = np.random.default_rng(seed_of(spec.name, "labels", spec.name))  # one deal for all books of a draw
    deals = (dict(zip(names, generator.permutation(names).tolist(), strict=True)) for _ in range(draws))
    names_held = spec.books[setting.book]
    return [_renamed(setting, {name: tuple(deal[t] for t in baskets[name]) for name in names_held}) for deal in deals]


def _dates(spec: StrategySpec, setting: Setting, universe: Universe, draws: int) -> list[Case]:
    return [([*setting.scores[k:], *setting.scores[:k]], setting.members) for k in range(1, len(setting.scores))]


def _leader(spec: StrategySpec, setting: Setting, universe: Universe, draws: int) -> list[Case]:
    generator, own = np.random.default_rng(seed_of(spec.name, "leader", setting.book)), _table(setting)
    scored = own.notna().any(axis=1).to_numpy()  # before the first score there is nothing to deal
    filled = own[scored].ffill().bfill().fillna(0.0)
    spell = (filled != filled.shift()).any(axis=1).cumsum().to_numpy()  # scores that did not change are one
    spells = [filled.to_numpy()[spell == number] for number in np.unique(spell)]
    return [_scored(setting, own, _dealt(spells, scored, generator)) for _ in range(draws)]


def _dealt(spells: Sequence[Floats], scored: NDArray[np.bool_], generator: np.random.Generator) -> Floats:
    """Return the spells in another order where there are scores, NaN elsewhere."""
    values = np.full((len(scored), spells[0].shape[1] if spells else 1), np.nan)
    if spells:
        values[scored] = np.concatenate([spells[number] for number in generator.permutation(len(spells))])
    return values


def _noise(spec: StrategySpec, setting: Setting, universe: Universe, draws: int) -> list[Case]:
    seed, own = seed_of(spec.name, "noise", setting.book), _table(setting)
    turnover = _turnover(_targets(spec, setting, [(setting.scores, setting.members)]))
    gaps = {
        persistence: abs(_turnover(_targets(spec, setting, _noises(setting, own, persistence, PILOTS, seed + 1))) - turnover)
        for persistence in PERSISTENCE
    }
    return _noises(setting, own, min(gaps, key=lambda persistence: gaps[persistence]), draws, seed)


def _noises(setting: Setting, own: pd.DataFrame, persistence: float, count: int, seed: int) -> list[Case]:
    """Return cases whose scores have the values of the strategy's own, in the order of noise."""
    values = np.sort(own.to_numpy()[np.isfinite(own.to_numpy())])
    return [
        _scored(setting, own, _ranked(table, values))
        for table in noise_scores(own.index, own.columns.tolist(), persistence, count, seed)
    ]


def _ranked(noise: pd.DataFrame, values: Floats) -> Floats:
    ranks = noise.to_numpy().ravel().argsort().argsort().reshape(noise.shape)
    return np.asarray(np.quantile(values, ranks / max(noise.size - 1, 1))) if len(values) else np.full(noise.shape, np.nan)


def _turnover(targets: Floats) -> float:
    return float(np.abs(np.diff(targets, axis=1)).sum(axis=2).mean())


def _table(setting: Setting) -> pd.DataFrame:
    """Return decision × name scores of the names the book could score, NaN for no opinion."""
    wanted = {t for members in setting.members for name, own in members.items() for t in (name, *own)}
    table = pd.DataFrame([score.to_numpy(float) for score in setting.scores], columns=list(setting.scores[0].index))
    scored = [name for name in table if name in wanted]
    return table[scored] if scored else table


def _scored(setting: Setting, own: pd.DataFrame, values: Floats) -> Case:
    shown = np.where(own.isna().to_numpy(), np.nan, values)
    return [pd.Series(row, index=own.columns) for row in shown], setting.members


CASES: dict[str, Callable[[StrategySpec, Setting, Universe, int], list[Case] | Refused]] = {
    "placebo": _placebo,
    "labels": _labels,
    "dates": _dates,
    "leader": _leader,
    "noise": _noise,
}
