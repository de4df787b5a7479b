"""What carried a price: a return as growth of spending, of the levels below it and of revenue, currency, margin and re-rating.

    Δln wealth = Δln level 1 + Δln(level 2 / level 1) + ... + Δln(revenue / last level) + Δln(currency) + Δln(profit / revenue)
                 + Δln(wealth / profit)

Everything is in log points between the closes of two sessions, and each figure is the sum of the last four quarters known at the
close (with hindsight: at least half over on its day). Levels and revenue count in USD, profit and wealth in the currency of what
is held. The decision is explained in docs/decisions/return_split.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from backtest import plots
from backtest.analysis.levels import LEAST, LevelGrowth, level_growth, place_in_chain
from backtest.analysis.trailing import End, Year, trailing_years
from backtest.facts import Fact
from backtest.formatting import log_points
from backtest.text.notebook import Displayed
from backtest.thesis import Thesis

if TYPE_CHECKING:
    from backtest.plots import Axes

THIN = 0.02  # of revenue: a profit below it grows by enormous factors that say little
Basis = Literal["profit", "revenue", "profit alone", "none"]
METRICS: Mapping[Basis, tuple[str, ...]] = {
    "profit": ("revenue", "net_profit"),
    "revenue": ("revenue",),
    "profit alone": ("net_profit",),
}


@dataclass(frozen=True)
class Holding:
    """What is split, over a window: its log return in a currency, and of each name its mean share and its own log return.

    Names without a return have no price at both ends. Shares add up to 1, less what was in cash.
    """

    currency: str
    wealth: float
    weights: Mapping[str, float]
    returns: Mapping[str, float]


@dataclass(frozen=True)
class Terms:
    """The terms of one return, in log points; they add up to `wealth`. None is a term that cannot be had or is in another.

    `levels` are those of the chain; with `share` they add up to `revenue`, which stands alone outside the chain. Without `margin`
    the re-rating is that of wealth over revenue. `profit` is its growth where no revenue is known, in place of revenue, currency
    and margin. All are None where there is nothing to split by.
    """

    wealth: float
    basis: Basis
    levels: dict[str, float | None] = field(default_factory=dict)
    share: float | None = None
    revenue: float | None = None
    currency: float | None = None
    margin: float | None = None
    profit: float | None = None
    rerating: float | None = None

    @property
    def added(self) -> tuple[float, ...]:
        """The terms that add up to the return."""
        chain = [*self.levels.values(), self.share] if self.share is not None else [self.revenue]
        terms = (*chain, self.currency, self.margin, self.profit, self.rerating)
        return tuple(term for term in terms if term is not None)

    @property
    def residual(self) -> float | None:
        """The return less the sum of its terms: nothing but rounding; None where there are no terms."""
        return self.wealth - sum(self.added) if self.added else None


@dataclass(frozen=True)
class RatingParts:
    """The last term of a book of several names, in three parts that add up to it.

    `names` is what the names were re-rated by, each by its share of the money. `weights` is what came of having the money in
    other proportions than the sums are of. `other` is what came of names left out, funds and cash, weights that moved, and costs.
    The first two are None where a name has a loss at an end; `together` is their sum.
    """

    names: float | None
    weights: float | None
    together: float
    other: float


@dataclass(frozen=True)
class NameSplit:
    """A name's own split, its mean share of the book, the quarters at both ends, and what is missing or odd."""

    terms: Terms
    weight: float
    quarters: tuple[str, str] | None
    missing: tuple[str, ...] = ()
    one_offs: tuple[str, ...] = ()
    thin: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = field(default=(), repr=False)


@dataclass(frozen=True, repr=False)
class ReturnSplit(Displayed):
    """A return with its terms, the names it was summed over with their part of the money, the levels, and each name's own split.

    `base` and `last` are the sessions at whose closes it starts and ends. `left_out` has why a name is in no sum, `refused` why a
    term is None. `hindsight` is the same with the quarters that were at least half over on each day.
    """

    base: str
    last: str
    currency: str
    terms: Terms
    parts: RatingParts | None
    summed: tuple[str, ...]
    covered: float
    left_out: dict[str, str]
    refused: dict[str, str]
    levels: tuple[LevelGrowth, ...]
    names: dict[str, NameSplit]
    hindsight: "ReturnSplit | None" = None

    @property
    def one_offs(self) -> tuple[str, ...]:
        """What is said of figures that any name's split rests on."""
        return tuple(dict.fromkeys(text for name in self.names.values() for text in name.one_offs))

    @property
    def headline(self) -> str:
        """The span, the return, and the last term, in one line."""
        rerating = self.terms.rerating
        last = self.refused.get("split", "not split") if rerating is None else f"{log_points(rerating)} of it the last term"
        earned = log_points(self.terms.wealth)
        return f"ReturnSplit {self.base} to {self.last} in {self.currency}: {earned} log points, {last}"

    def to_frame(self) -> pd.DataFrame:
        """Return term × ("as known then", "with hindsight") in log points; NaN for a term that cannot be had.

        The terms above `wealth` add up to it; `revenue` is the sum of the levels and `share`, and stands alone without them.
        """
        columns = {"as known then": self, "with hindsight": self.hindsight}
        table = {name: _term_column(split.terms) for name, split in columns.items() if split is not None}
        return pd.DataFrame(table, dtype=float).reindex(columns=list(columns)).rename_axis("term")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the terms as known then, and the return they add up to; return the matplotlib axes, new ones without `ax`."""
        return plots.bars(self.to_frame()["as known then"].dropna(), f"{self.base} to {self.last}", "log points", ax)


def _term_column(terms: Terms) -> dict[str, float | None]:
    names = ("share", "revenue", "currency", "margin", "profit", "rerating", "wealth")
    return {**terms.levels, **{name: getattr(terms, name) for name in names}}


Pair = tuple[tuple[Year, ...], tuple[Year, ...]]  # the years of a name's metrics at both ends


@dataclass(frozen=True)
class _Sums:
    """The names of a basis with their years at both ends, and why each other name is not among them."""

    basis: Basis
    pairs: dict[str, Pair]
    missing: dict[str, str]

    @property
    def years(self) -> tuple[Year, ...]:
        """Every year of every name."""
        return tuple(year for pair in self.pairs.values() for end in pair for year in end)

    def growth(self, metric: int = -1, usd: bool = False, names: Sequence[str] = ()) -> float:
        """Return the log growth of a metric summed over some names, by default all."""
        start, end = (self._total(at, metric, usd, names) for at in (0, 1))
        return float(np.log(end) - np.log(start))

    def positive(self, names: Sequence[str] = ()) -> bool:
        """Return whether the sums of the last metric over some names are above zero at both ends."""
        return all(self._total(at, -1, False, names) > 0 for at in (0, 1))

    def _total(self, at: int, metric: int, usd: bool, names: Sequence[str]) -> float:
        years = [pair[at][metric] for ticker, pair in self.pairs.items() if not names or ticker in names]
        return sum(year.usd if usd else year.money for year in years)


def return_split(holding: Holding, ends: tuple[End, End], thesis: Thesis) -> ReturnSplit:
    """Return the split of what was held between two ends."""
    every = [_sums(basis, holding, ends) for basis in METRICS]
    chosen, refused = _chosen(every, holding)
    depth = place_in_chain([_theme(ticker, thesis) for ticker in chosen.pairs], thesis.levels) if chosen else 0
    levels = tuple(level_growth(level, ends, thesis) for level in thesis.levels[:depth])
    terms = _terms(holding.wealth, chosen, levels)
    share = {ticker: weight for ticker, weight in holding.weights.items() if chosen and ticker in chosen.pairs}
    return ReturnSplit(
        base=f"{ends[0].day:%Y-%m-%d}",
        last=f"{ends[1].day:%Y-%m-%d}",
        currency=holding.currency,
        terms=terms,
        parts=_parts(chosen, holding, share, terms) if chosen and len(holding.weights) > 1 else None,
        summed=tuple(share),
        covered=float(sum(share.values())),
        left_out=_left_out(chosen, every, holding),
        refused=refused | _refused(terms, chosen, levels, every),
        levels=levels,
        names={ticker: _name(ticker, every, holding, thesis) for ticker in holding.weights},
    )


def _sums(basis: Basis, holding: Holding, ends: tuple[End, End]) -> _Sums:
    """Return which names have the metrics of a basis for four quarters at both ends."""
    pairs: dict[str, Pair] = {}
    missing: dict[str, str] = {}
    for ticker in holding.weights:
        series = [(ticker, metric) for metric in METRICS[basis]]
        start, end = (trailing_years(end, series, holding.currency) for end in ends)
        if ticker not in holding.returns:
            missing[ticker] = f"{ticker}: no price at both ends"
        elif isinstance(start, str) or isinstance(end, str):
            missing[ticker] = start if isinstance(start, str) else str(end)
        else:
            pairs[ticker] = start, end
    return _Sums(basis, pairs, missing)


def _chosen(every: Sequence[_Sums], holding: Holding) -> tuple[_Sums | None, dict[str, str]]:
    """Return the first basis that covers enough of the money and whose sums are positive, else none and why."""
    covered = [sum(holding.weights[ticker] for ticker in sums.pairs) for sums in every]
    enough = [sums for sums, part in zip(every, covered, strict=True) if part >= LEAST]
    for sums in enough:
        if sums.positive():
            return sums, {}
    if enough:
        return None, {"split": "only profit is known at both ends, and its sum is a loss at one of them"}
    if not max(covered, default=0.0):
        return None, {"split": "no name has four quarters of revenue or profit, and a price, at both ends"}
    return None, {"split": f"names with figures at both ends had {max(covered):.0%} of the money; expected at least {LEAST:.0%}"}


def _terms(wealth: float, sums: _Sums | None, levels: Sequence[LevelGrowth]) -> Terms:
    if sums is None:
        return Terms(wealth, "none", {level.key: None for level in levels})
    if sums.basis == "profit alone":
        profit = sums.growth()
        return Terms(wealth, sums.basis, {level.key: None for level in levels}, profit=profit, rerating=wealth - profit)
    revenue = sums.growth(0, usd=True)
    currency = sums.growth(0) - revenue
    steps, above = _steps(levels)
    margin = sums.growth(1) - sums.growth(0) if sums.basis == "profit" else None
    return Terms(
        wealth=wealth,
        basis=sums.basis,
        levels=steps,
        share=revenue - above if above is not None else None,
        revenue=revenue,
        currency=currency,
        margin=margin,
        rerating=wealth - sums.growth(),
    )


def _steps(levels: Sequence[LevelGrowth]) -> tuple[dict[str, float | None], float | None]:
    """Return each level's growth over the known level above it, and the growth of the last that is known."""
    steps: dict[str, float | None] = {}
    above: float | None = None
    for level in levels:
        steps[level.key] = None if level.growth is None else level.growth - (above or 0.0)
        above = above if level.growth is None else level.growth
    return steps, above


def _parts(sums: _Sums, holding: Holding, share: Mapping[str, float], terms: Terms) -> RatingParts:
    """Return the parts of the last term: the money counts by its mean shares, made to add up to 1 over the names summed."""
    whole = sum(share.values())

    def mean(of: Callable[[str], float]) -> float:
        return sum(weight / whole * of(ticker) for ticker, weight in share.items())

    returned = mean(lambda ticker: holding.returns[ticker])
    grown = sums.growth()
    own = None
    if all(sums.positive([ticker]) for ticker in share):
        own = mean(lambda ticker: holding.returns[ticker] - sums.growth(names=[ticker]))
    together = returned - grown
    return RatingParts(own, None if own is None else together - own, together, terms.wealth - returned)


def _name(ticker: str, every: Sequence[_Sums], holding: Holding, thesis: Thesis) -> NameSplit:
    """Return a name's own split: by profit where that is positive, else by revenue, else by what there is."""
    wealth = holding.returns.get(ticker, float("nan"))
    own = [_Sums(sums.basis, {ticker: sums.pairs[ticker]}, {}) for sums in every if ticker in sums.pairs]
    chosen = next((sums for sums in own if sums.positive()), None)
    facts = tuple(dict.fromkeys(fact for sums in own for year in sums.years for fact in year.facts))
    missing = [sums.missing[ticker] for sums in every if ticker in sums.missing]
    losses = [f"{ticker} net_profit: a loss over four quarters at an end" for sums in own if not sums.positive()]
    return NameSplit(
        terms=_terms(wealth, chosen, ()),
        weight=holding.weights[ticker],
        quarters=None if chosen is None else (chosen.pairs[ticker][0][0].span, chosen.pairs[ticker][1][0].span),
        missing=tuple(dict.fromkeys([*missing, *losses])),
        one_offs=_one_offs(facts, thesis),
        thin=_thin(chosen.pairs[ticker]) if chosen and chosen.basis == "profit" else (),
        facts=facts,
    )


def _thin(pair: Pair) -> tuple[str, ...]:
    """Return what is said of a profit below 2% of revenue at either end."""
    return tuple(
        f"{profit.series[0]} {profit.span}: profit is {profit.money / revenue.money:.1%} of revenue, below {THIN:.0%}, "
        "so its growth and the last term say little"
        for revenue, profit in pair
        if profit.money < THIN * revenue.money
    )


def _one_offs(facts: Sequence[Fact], thesis: Thesis) -> tuple[str, ...]:
    named = {(row.entity, row.metric, row.period): row.reason for row in thesis.one_offs}
    keys = [(fact.entity, fact.metric, fact.period) for fact in facts]
    return tuple(f"{' '.join(key)}: {named[key]}" for key in keys if key in named)


def _left_out(chosen: _Sums | None, every: Sequence[_Sums], holding: Holding) -> dict[str, str]:
    """Return why each name is in no sum, by the basis of the sums, or the first where there is none."""
    missing = (chosen or every[0]).missing
    return {ticker: missing[ticker] for ticker in holding.weights if ticker in missing}


def _refused(terms: Terms, chosen: _Sums | None, levels: Sequence[LevelGrowth], every: Sequence[_Sums]) -> dict[str, str]:
    """Return why a term of the identity is None."""
    reasons = {}
    for level in levels:
        if level.growth is None and terms.basis in ("profit", "revenue"):
            lacking = "; ".join(level.left_out.values())
            reasons[level.key] = f"{level.coverage:.0%} of what is known of it has a year at both ends ({lacking})"
    if terms.basis == "revenue":
        missing = list(every[0].missing.values()) or ["a loss over four quarters at an end"]
        reasons["margin"] = f"in the last term, wealth over revenue ({'; '.join(missing)})"
    if terms.basis == "profit alone" and chosen:
        reasons["revenue"] = "; ".join(every[1].missing.values())
    return reasons


def _theme(ticker: str, thesis: Thesis) -> str:
    return next((row.theme for row in thesis.universe.suppliers if row.ticker == ticker), "")
