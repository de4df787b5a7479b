"""The four checks of a search, and the word that they give by rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backtest.report.formatting import DASH, counted, number, percent
from backtest.statistics.sizes import SPA_ON_NOISE
from backtest.statistics.window_rank import CONTRADICTED, SUPPORTED

ENOUGH, RARE, COIN = 0.95, 0.05, 0.5  # fixed before any result
UNCLEAR = "not distinguishable from luck"
NO_BETTER = "choosing the best of one half of the days was no better than a coin in the other half"
RULES = (
    "The words are made by rule. Supported: all four checks pass, that is the Deflated Sharpe Ratio is at least 95%, the "
    "probability of overfitting and the p-value of superior ability are at most 5%, and the run is at least as long as a search "
    "of this size needs. Contradicted: the best Sharpe ratio is not above zero, or the probability of overfitting is 50% or "
    "more. Not distinguishable from luck: everything else, also where a check could not be computed."
)


@dataclass(frozen=True)
class Check:
    """One check: where its figure is among a search's statistics, when it passes, and its words.

    `sentence` has a place for the figure; `failed` completes "because"; `reads` says how the figure is to be read.
    """

    name: str
    key: str
    title: str
    passes: Callable[[Mapping[str, Any]], bool]
    written: Callable[[float], str]
    sentence: str
    failed: str
    reads: str

    def said(self, found: Mapping[str, Any]) -> str:
        """Return the figure as part of a sentence, or that it is not given and why."""
        if self.refused(found):
            return f"{self.title} is not given ({found['reason']})"
        if found[self.key] is None:
            return "no length would do for a ratio that is not above zero"
        told = f" and the run has {number(found['had'], 1)}" if "had" in found else ""
        return self.sentence.format(self.written(found[self.key])) + told

    def figure(self, found: Mapping[str, Any]) -> str:
        """Return the figure alone, or a dash."""
        return DASH if self.refused(found) or found[self.key] is None else self.written(found[self.key])

    def refused(self, found: Mapping[str, Any]) -> bool:
        """Return whether there is no figure but a reason."""
        return self.key not in found

    def outcome(self, found: Mapping[str, Any]) -> str:
        """Return whether the check passes, in a word."""
        return "refused" if self.refused(found) else "passes" if self.passes(found) else "fails"


def share(value: float) -> str:
    """Return a share in whole percent, with a decimal near either end."""
    return percent(value, 1 if value < 0.1 or value > 0.9 else 0, sign=False)


def rarity(value: float) -> str:
    """Return a p-value with three decimals, which a thousand draws allow."""
    return number(value, 3) if value >= 0.001 else "below 0.001"


CHECKS = (
    Check(
        "deflated_sharpe", "probability", "Deflated Sharpe Ratio", lambda one: one["probability"] >= ENOUGH, share,
        "a chance of {} that its true value is above what the best of as much noise reaches (Deflated Sharpe Ratio)",
        "the best of as much noise comes too close to it",
        "The probability that the true Sharpe ratio of the best is above the one that the best of so many trials without any "
        "edge is expected to reach; length, skewness and fat tails allowed for, trials counted as if independent.",
    ),
    Check(
        "pbo", "probability", "Probability of overfitting (PBO)", lambda one: one["probability"] <= RARE, share,
        "in {} of splits of the days the best of one half lay in the lower half of the other (PBO)",
        "the best of one half of the days too often fails in the other half",
        "The share of symmetric splits of the days in which the setting that was best in one half lay in the lower half of all "
        "settings in the other. Settings that resemble each other keep it low.",
    ),
    Check(
        "spa", "consistent", "Superior ability (SPA), p-value", lambda one: one["consistent"] <= RARE, rarity,
        "the p-value that no setting beats its benchmarks is {} (SPA)", "no setting is shown to beat its benchmarks",
        "Hansen's test that no setting earned more than the mean of its benchmarks. It asks whether any did, not whether the "
        f"best will again; means are divided by standard deviations, and noise is rejected in {SPA_ON_NOISE} of cases, where "
        f"{SPA_ON_NOISE.promised}% are promised.",
    ),
    Check(
        "minimum_length", "years", "Years that the search needs",
        lambda one: one["years"] is not None and one["had"] >= one["years"], lambda one: number(one, 1),
        "a search of this size needs {} years", "the run is too short for a search of this size",
        "Below this length the best of as many trials without any edge is expected to reach the same Sharpe ratio.",
    ),
)  # fmt: skip


def verdict(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return the word for what a sweep found and the first rule that gave it, from its document; the rules are RULES."""
    found = document["statistics"]
    if document["best"]["sharpe whole"] <= 0.0:
        return CONTRADICTED, "not even the best is above zero"
    if found["pbo"].get("probability", 0.0) >= COIN:
        return CONTRADICTED, NO_BETTER
    for check in CHECKS:
        one = found[check.name]
        if check.outcome(one) != "passes":
            return UNCLEAR, f"{check.title} could not be computed" if check.refused(one) else check.failed
    return SUPPORTED, "all four checks pass"


def worth(document: Mapping[str, Any]) -> str:
    """Return how many settings a sweep had, the best Sharpe ratio, and what the search for it is worth: one sentence."""
    word, because = verdict(document)
    settings, trials = (int(document[name]) for name in ("settings", "trials"))
    four = "; ".join(check.said(document["statistics"][check.name]) for check in CHECKS)
    return (
        f"Of {counted(settings, 'setting')} the best has a Sharpe ratio of {number(document['best']['sharpe whole'])} over the "
        f"whole run, and as the best of {counted(trials, 'trial')} it is {word}, because {because}: {four}."
    )
