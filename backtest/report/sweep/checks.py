"""The checks of a search, and the verdict that they give by rule."""

from dataclasses import dataclass
from typing import Literal

from backtest.formatting import DASH, counted, known, number, percent
from backtest.statistics.overfitting import Deflated
from backtest.statistics.refusal import Refused
from backtest.statistics.sizes import SPA_ON_NOISE, SPA_OVER_TWINS_ON_NOISE
from backtest.statistics.window_rank import CONTRADICTED, SUPPORTED
from backtest.sweeps.results import SearchStatistics, SweepSummary, TwinStatistics

ENOUGH, RARE, COIN = 0.95, 0.05, 0.5  # fixed before any result
UNCLEAR = "not distinguishable from luck"
NO_BETTER = "choosing the best of one half of the days was no better than a coin in the other half"
RULES = (
    "The words are made by rule. Supported: every check passes, that is the Deflated Sharpe Ratio is at least 95%, the "
    "probability of overfitting and the p-values of superior ability are at most 5%, that over twins too where there is a "
    "signal, and the run is at least as long as a search of this size needs. Contradicted: the best Sharpe ratio is not above "
    "zero, or the probability of overfitting is 50% or more. Not distinguishable from luck: everything else, also where a check "
    "could not be computed."
)
Outcome = Literal["passes", "fails", "refused", "not asked"]


@dataclass(frozen=True)
class Kind:
    """A kind of check: its title, why a search that fails it is unclear (completes "because"), and how its figure is read."""

    title: str
    failed: str
    reads: str


@dataclass(frozen=True)
class Check:
    """One check of one search: its figure, the outcome and the sentence; `n` observations and `trials`, None where unknown.

    `details` belong with the figure: the hurdle and the moments, the splits, the bounds.
    """

    kind: Kind
    figure: str
    outcome: Outcome
    sentence: str
    n: int | None = None
    trials: int | None = None
    details: tuple[str, ...] = ()


DEFLATED_SHARPE = Kind(
    "Deflated Sharpe Ratio",
    "the best of as much noise comes too close to it",
    "The probability that the true Sharpe ratio of the best is above the one that the best of so many trials without any "
    "edge is expected to reach; length, skewness and fat tails allowed for, trials counted as if independent.",
)
OVERFITTING = Kind(
    "Probability of overfitting (PBO)",
    "the best of one half of the days too often fails in the other half",
    "The share of symmetric splits of the days in which the setting that was best in one half lay in the lower half of all "
    "settings in the other. Settings that resemble each other keep it low.",
)
SUPERIOR = Kind(
    "Superior ability (SPA), one-sided p-value",
    "no setting is shown to beat its declared benchmark",
    "Hansen's test that no setting earned more than its declared benchmark. It asks whether any did, not whether the "
    f"best will again; means are divided by standard deviations, and noise is rejected in {SPA_ON_NOISE} of cases, where "
    f"{SPA_ON_NOISE.promised}% are promised.",
)
LENGTH = Kind(
    "Years that the search needs",
    "the run is too short for a search of this size",
    "Below this length the best of as many trials without any edge is expected to reach the same Sharpe ratio.",
)
OVER_TWINS = Kind(
    "Superior ability over twins (SPA), one-sided p-value",
    "no setting is shown to beat its own twin, which has the signal on throughout",
    "The same test that no setting earned more than its own twin: the same book, rules and costs with the signal on wherever it "
    "has a value. It asks whether the signal adds anything; a basket chosen in hindsight passes the test before it and not this. "
    f"A gate on noise is rejected in {SPA_OVER_TWINS_ON_NOISE} of cases, where {SPA_OVER_TWINS_ON_NOISE.promised}% are promised.",
)
KINDS = (DEFLATED_SHARPE, OVERFITTING, SUPERIOR, OVER_TWINS, LENGTH)


def checks(summary: SweepSummary) -> tuple[Check, ...]:
    """Return the checks of a search, in the order of KINDS; that over twins is not asked where there is no signal."""
    statistics = summary.statistics
    return (
        _deflated_sharpe(summary),
        _overfitting(statistics),
        _superior(statistics),
        _over_twins(statistics.twins),
        _length(summary),
    )


def share(value: float) -> str:
    """Return a share in whole percent, with a decimal near either end."""
    return percent(value, 1 if value < 0.1 or value > 0.9 else 0, sign=False)


def rarity(value: float) -> str:
    """Return a p-value with three decimals, which a thousand draws allow."""
    return number(value, 3) if value >= 0.001 else "below 0.001"


def _outcome(passes: bool) -> Outcome:
    return "passes" if passes else "fails"


def _refused(kind: Kind, refused: Refused) -> Check:
    return Check(kind, DASH, "refused", f"{kind.title} is not given ({refused.reason})", refused.n)


def _deflated_sharpe(summary: SweepSummary) -> Check:
    deflated, once = summary.statistics.deflated_sharpe, summary.statistics.deflated_sharpe_curves
    if isinstance(deflated, Refused):
        return _refused(DEFLATED_SHARPE, deflated)
    figure = share(deflated.probability)
    sentence = f"a chance of {figure} that its true value is above what the best of as much noise reaches (Deflated Sharpe Ratio)"
    details = (
        f"hurdle {number(deflated.threshold * float(summary.best.periods) ** 0.5)} a year",
        f"skewness {number(deflated.skewness, 1)}",
        f"kurtosis {number(deflated.kurtosis, 1)}",
        *(() if isinstance(once, Refused) else (f"{share(once.probability)} with equal curves once (N {once.trials:,})",)),
    )
    return Check(
        DEFLATED_SHARPE, figure, _outcome(deflated.probability >= ENOUGH), sentence, deflated.n, deflated.trials, details
    )


def _overfitting(statistics: SearchStatistics) -> Check:
    overfit = statistics.pbo
    if isinstance(overfit, Refused):
        return _refused(OVERFITTING, overfit)
    figure = share(overfit.probability)
    sentence = f"in {figure} of splits of the days the best of one half lay in the lower half of the other (PBO)"
    details = (
        f"{overfit.splits:,} splits of {overfit.blocks} blocks",
        f"lost money in {share(overfit.loss)}",
        f"slope {number(overfit.slope)}" if known(overfit.slope) else "no slope",
    )
    return Check(OVERFITTING, figure, _outcome(overfit.probability <= RARE), sentence, overfit.n, overfit.trials, details)


def _superior(statistics: SearchStatistics) -> Check:
    superior, span = statistics.spa, statistics.spa_span
    if isinstance(superior, Refused):
        return _refused(SUPERIOR, superior)
    figure = rarity(superior.consistent)
    sentence = f"the one-sided p-value that no setting beats its declared benchmark is {figure} (SPA)"
    days = (f"on {span.first} to {span.last}, where every book has a benchmark",) if span else ()
    details = (f"between {number(superior.lower, 3)} and {number(superior.upper, 3)}", *days)
    return Check(SUPERIOR, figure, _outcome(superior.consistent <= RARE), sentence, superior.n, superior.trials, details)


def _over_twins(twins: TwinStatistics | Refused) -> Check:
    if isinstance(twins, Refused):
        return Check(OVER_TWINS, DASH, "not asked", f"whether the signal adds anything is not asked: {twins.reason}")
    if isinstance(twins.spa, Refused):
        return _refused(OVER_TWINS, twins.spa)
    figure = rarity(twins.spa.consistent)
    sentence = f"the one-sided p-value that no setting beats its own twin is {figure} (SPA)"
    details = (
        f"between {number(twins.spa.lower, 3)} and {number(twins.spa.upper, 3)}",
        f"{share(twins.beating)} of settings have a higher Sharpe ratio than their twin, {share(twins.richer)} a higher return",
        f"the signal acts in {share(1.0 - twins.idle)}",
        *_deflated_excess(twins.deflated_sharpe, "settings"),
        *_deflated_excess(twins.deflated_sharpe_curves, "distinct curves"),
    )
    return Check(OVER_TWINS, figure, _outcome(twins.spa.consistent <= RARE), sentence, twins.spa.n, twins.spa.trials, details)


def _deflated_excess(deflated: Deflated | Refused, counted_as: str) -> tuple[str, ...]:
    if isinstance(deflated, Refused):
        return ()
    return (f"Deflated Sharpe Ratio of the best excess {share(deflated.probability)} (N {deflated.trials:,} {counted_as})",)


def _length(summary: SweepSummary) -> Check:
    length, trials = summary.statistics.minimum_length, summary.trials
    if length.years is None:
        sentence = "no length would do for a ratio that is not above zero"
        return Check(LENGTH, DASH, "fails", sentence, trials=trials)
    figure = number(length.years, 1)
    sentence = f"a search of this size needs {figure} years and the run has {number(length.had, 1)}"
    return Check(LENGTH, figure, _outcome(length.had >= length.years), sentence, trials=trials)


def verdict(summary: SweepSummary) -> tuple[str, str]:
    """Return the word for what a sweep found and the first rule that gave it; the rules are RULES."""
    pbo = summary.statistics.pbo
    if summary.best.sharpe <= 0.0:
        return CONTRADICTED, "not even the best is above zero"
    if not isinstance(pbo, Refused) and pbo.probability >= COIN:
        return CONTRADICTED, NO_BETTER
    for check in checks(summary):
        if check.outcome not in ("passes", "not asked"):
            refused = check.outcome == "refused"
            return UNCLEAR, f"{check.kind.title} could not be computed" if refused else check.kind.failed
    return SUPPORTED, "every check passes"


def worth(summary: SweepSummary) -> str:
    """Return how many settings a sweep had, the best Sharpe ratio, and what the search for it is worth: one sentence."""
    word, because = verdict(summary)
    answers = "; ".join(check.sentence for check in checks(summary) if check.outcome != "not asked")
    return (
        f"Of {counted(summary.settings, 'setting')} the best has a Sharpe ratio of {number(summary.best.sharpe)} over the "
        f"whole run, and as the best of {counted(summary.trials, 'trial')} it is {word}, because {because}: {answers}."
    )
