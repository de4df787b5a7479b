"""The first sentence of a sweep follows from its figures: a table of figures and what is said of them."""

import pytest

from backtest.statistics.overfitting import Deflated
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.lead import lead
from backtest.sweeps.results import BestSetting, MinimumLength, SearchStatistics, SweepSummary, TwinStatistics, WindowFigures

NOT_SHOWN = (
    "None of the 14,784 settings (3,136 distinct curves) is shown to beat its twin, the same with the signal on throughout, "
)
BEYOND = "Some of the 14,784 settings (3,136 distinct curves) beat their twin, the same with the signal on throughout, "
LUCK = "by more than luck (one-sided p"
SHORT = Refused("12 returns", 12)


def deflated(probability):
    return Deflated(probability, 0.06, 0.07, 0.9, 5.2, 40, 177)


def summary_of(twins):
    best = BestSetting(0, "0" * 16, "leaders", {}, 242, "chunk", {"whole": WindowFigures(0.5, 1.2)})
    statistics = SearchStatistics(deflated(0.1), SHORT, SHORT, None, MinimumLength(1.0, 2.0), deflated(0.4), 3136, twins)
    return SweepSummary("example", 14_784, best, statistics, 14_784, 14_784, {}, "")


def twins(p, idle, alone=0.1):
    spa = p if isinstance(p, Refused) else Superior(p, p, p, 100, 10)
    best = alone if isinstance(alone, Refused) else deflated(alone)
    return TwinStatistics(spa, deflated(0.1), best, "1" * 16, beating=0.1, richer=0.1, idle=idle)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (twins(0.827, 0.394), f"{NOT_SHOWN}by more than luck (one-sided p = 0.827). In 39% of them the signal never acts."),
        (twins(0.827, 0.0), f"{NOT_SHOWN}by more than luck (one-sided p = 0.827)."),
        (twins(0.0501, 0.0), f"{NOT_SHOWN}by more than luck (one-sided p = 0.050)."),
        (
            twins(0.05, 0.05, 0.432),
            f"{BEYOND}{LUCK} = 0.050); the best excess alone is not told from the best of as much noise, with a "
            "chance of 43%. In 5.0% of them the signal never acts.",
        ),
        (
            twins(0.0004, 0.0, 0.973),
            f"{BEYOND}{LUCK} below 0.001); the best excess alone is no noise either, with a chance of 97.3%.",
        ),
        (
            twins(0.01, 0.0, SHORT),
            f"{BEYOND}{LUCK} = 0.010); whether the best excess alone is no noise cannot be told: 12 returns.",
        ),
        (
            twins(SHORT, 0.5),
            "Whether any of the 14,784 settings (3,136 distinct curves) beat its twin, the same with the signal on throughout, "
            "beyond luck cannot be told: 12 returns. In 50% of them the signal never acts.",
        ),
        (
            twins(0.01, 1.0),
            "The signal acts in none of the 14,784 settings (3,136 distinct curves), so that each is its own twin and nothing is "
            "its merit.",
        ),
        (
            Refused("the weighting reads no signal, or names no twin", 0),
            "What the signal added to the 14,784 settings (3,136 distinct curves) is not asked: the weighting reads no signal, "
            "or names no twin.",
        ),
    ],
)
def test_the_first_sentence_follows_from_the_figures(figures, sentence):
    assert lead(summary_of(figures)) == sentence
