"""The lead of a report, by rules: a table of figures and the sentence that each makes."""

import pytest

from backtest.formatting import percent
from backtest.result import RunResult
from backtest.runs.lead_sentence import Earned, LuckFigures, SignalEffect, lead_of, lead_sentence

OUT, FIRST, LAST = "out of sample", "2025-07-24", "2026-07-31"
NOTHING = SignalEffect(0.0, (-0.1, 0.1), 19.043)
CHANCE = SignalEffect(0.5, (-0.1, 1.2), 0.0)
GAIN, LOSS = SignalEffect(0.25, (0.1, 0.4), None), SignalEffect(-0.25, (-0.4, -0.1), -0.1)
NEVER = LuckFigures(0, 5, 0, 4, hindsight=True)
BEATEN = LuckFigures(1, 5, 2, 4, hindsight=True)


def book(earned=2.316, benchmark=0.451, matched=True, alone="", name="ChiNext ETF"):
    return Earned(OUT, FIRST, LAST, earned, name, benchmark, matched, alone)


EARNED = "Out of sample (2025-07-24 to 2026-07-31) it earned +231.6%, its benchmark ChiNext ETF (same board or sector) +45.1%."
UNKNOWN = "How much of the return is luck was not judged (run --audit)."


@pytest.mark.parametrize(
    ("effects", "begins"),
    [
        (None, "The strategy reads no signal."),
        ([NOTHING], "The signal did nothing; waiting for its first value cost 1,904.3 points."),
        ([CHANCE], "The signal made no difference that can be told from chance (+50.0 percentage points)."),
        ([GAIN], "The signal added 25.0 percentage points, beyond chance."),
        (
            [LOSS],
            "The signal cost 25.0 percentage points, beyond chance; waiting for its first value gained 10.0 points.",
        ),
        ([SignalEffect(0.2, None, None)], "The signal made a difference of unknown error."),
        ([SignalEffect(None, None, None)], "Whether the signal mattered is not known."),
        ([GAIN, CHANCE, LOSS], "The signal made a difference that can be told from chance in 2 of 3 books."),
    ],
)
def test_what_the_signal_did_comes_first(effects, begins):
    assert lead_sentence([book()], effects, None) == f"{begins} {EARNED} {UNKNOWN}"


@pytest.mark.parametrize(
    ("earned", "said"),
    [
        ([book()], EARNED),
        ([book(matched=False)], EARNED.replace("same board", "another board")),
        (
            [book(0.01, 0.012, alone="held nothing but FUND, a benchmark itself")],
            "Out of sample (2025-07-24 to 2026-07-31) it earned +1.0%, its benchmark ChiNext ETF (same board or sector) +1.2%: "
            "no excess, as it held nothing but FUND, a benchmark itself.",
        ),
        (
            [Earned(OUT, FIRST, LAST, 0.298, "ChiNext ETF", 0.473, True, "", "2026-09-22", 0.578)],
            "Out of sample (2025-07-24 to 2026-09-22) it earned +57.8%; to 2026-07-31, where its benchmark ends, +29.8%, its "
            "benchmark ChiNext ETF (same board or sector) +47.3%.",
        ),
        (
            [Earned("whole", FIRST, LAST, -0.1)],
            "Over the whole run (2025-07-24 to 2026-07-31) it earned −10.0%; it has no benchmark.",
        ),
        ([], "There are no two sessions, so nothing came out."),
        (
            [book(0.5, 0.2), book(0.1, 0.3, matched=False), book(0.9, 0.2)],
            "Out of sample 2 of 3 books beat their declared benchmark (2 of these are matched), by +30.0 points in the median; "
            "the median book earned +50.0%.",
        ),
        (
            [Earned(OUT, FIRST, LAST, 0.1), book(0.3, 0.3, alone="held nothing but FUND, a benchmark itself")],
            "Out of sample none of 2 books has an excess over its benchmark; the median earned +20.0%.",
        ),
    ],
)
def test_what_came_out_stands_against_the_declared_benchmark(earned, said):
    assert lead_sentence(earned, None, None) == f"The strategy reads no signal. {said} {UNKNOWN}"


@pytest.mark.parametrize(
    ("luck", "ends"),
    [
        (None, UNKNOWN),
        (NEVER, "Luck is not ruled out."),
        (
            BEATEN,
            "Luck: it beats 1 of 5 nulls after correction, and 2 of 4 regimes can be told from it, with a basket chosen in "
            "hindsight.",
        ),
        (
            LuckFigures(2, 5, 0, 4, hindsight=False),
            "Luck: it beats 2 of 5 nulls after correction, and 0 of 4 regimes can be told from it.",
        ),
    ],
)
def test_luck_comes_last(luck, ends):
    assert lead_sentence([book()], [GAIN], luck) == f"The signal added 25.0 percentage points, beyond chance. {EARNED} {ends}"


@pytest.mark.parametrize("effects", [None, [NOTHING], [CHANCE], [LOSS]])
@pytest.mark.parametrize("luck", [None, NEVER, BEATEN])
def test_a_lead_of_one_book_is_at_most_sixty_words(effects, luck):
    assert len(lead_sentence([book(matched=False)], effects, luck).split()) <= 60


def test_the_lead_of_every_shipped_strategy_gives_the_return_over_the_sessions_that_book_and_benchmark_share(results):
    for name, result in results.items():
        assert isinstance(result, RunResult)
        lead = lead_of(result)
        assert UNKNOWN in lead, name
        if len(result.books) == 1:
            (found,) = result.books.values()
            span = found.benchmark_windows[found.declared][OUT]
            own = found.window(OUT)
            text = f"({span.first} to {own.last}) it earned {percent(own.total_return)}"
            if span.last != own.last:
                text += f"; to {span.last}, where its benchmark ends, {percent(span.book_return)}"
            assert f"{text}, its benchmark" in lead, name
