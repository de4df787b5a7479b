"""The lead of a report, by rules: a table of figures and the sentence that each makes."""

import pytest

from backtest.formatting import percent
from backtest.result import RunResult
from backtest.runs.lead_sentence import Earned, LuckFigures, SignalEffect, lead_of, lead_sentence

OUT, LAST = "out of sample", "2026-07-31"
NOTHING = SignalEffect(0.0, (-0.1, 0.1), 19.043)
CHANCE = SignalEffect(0.5, (-0.1, 1.2), 0.0)
GAIN, LOSS = SignalEffect(0.25, (0.1, 0.4), None), SignalEffect(-0.25, (-0.4, -0.1), -0.1)
NEVER = LuckFigures(0, 5, 0, 4)
BEATEN = LuckFigures(1, 5, 2, 4)


def book(earned=2.316, benchmark=0.451, matched=True, alone="", name="ChiNext ETF", hindsight=False):
    return Earned(OUT, LAST, earned, name, benchmark, matched, alone, hindsight=hindsight)


EARNED = "Out of sample (to 2026-07-31) it earned +231.6%, its benchmark ChiNext ETF +45.1%"
UNKNOWN = "luck was not judged (run --audit)."


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        (None, "it reads no signal"),
        ([NOTHING], "over the whole run the signal did nothing (the basket from the start: +1,904.3)"),
        ([CHANCE], "over the whole run the signal made no difference beyond chance (+50.0 points)"),
        ([GAIN], "over the whole run the signal added 25.0 points, beyond chance"),
        ([LOSS], "over the whole run the signal cost 25.0 points, beyond chance (the basket from the start: −10.0)"),
        (
            [SignalEffect(0.2, None, 0.1)],
            "over the whole run the signal made a difference of unknown error (+20.0 points; the basket from the start: +10.0)",
        ),
        ([SignalEffect(None, None, None)], "whether the signal mattered is not known"),
        ([GAIN, CHANCE, LOSS], "over the whole run the signal made a difference beyond chance in 2 of 3 books"),
    ],
)
def test_what_the_signal_did_comes_second(effects, said):
    assert lead_sentence([book()], effects, None) == f"{EARNED}; {said}; {UNKNOWN}"


@pytest.mark.parametrize(
    ("earned", "said"),
    [
        ([book()], EARNED),
        ([book(matched=False)], EARNED.replace("benchmark", "unmatched benchmark")),
        ([book(hindsight=True)], EARNED.replace("+231.6%", "+231.6% in hindsight")),
        (
            [book(0.01, 0.012, alone="held nothing but FUND, a benchmark itself")],
            "Out of sample (to 2026-07-31) it earned +1.0%, its benchmark ChiNext ETF +1.2%: no excess, as it held nothing but "
            "FUND, a benchmark itself",
        ),
        (
            [Earned(OUT, LAST, 0.298, "ChiNext ETF", 0.473, True, "", "2026-09-22", 0.578, hindsight=True)],
            "Out of sample it earned +29.8% to 2026-07-31 (its benchmark ChiNext ETF +47.3%) and +57.8% to 2026-09-22 in "
            "hindsight",
        ),
        (
            [Earned("whole", LAST, -0.1)],
            "Over the whole run (to 2026-07-31) it earned −10.0%; it has no benchmark",
        ),
        ([], "There are no two sessions, so nothing came out"),
        (
            [book(0.5, 0.2), book(0.1, 0.3, matched=False), book(0.9, 0.2, hindsight=True)],
            "Out of sample 2 of 3 books beat their benchmark (2 of these are matched), by +30.0 points in the median; the median "
            "book earned +50.0% (1 in hindsight)",
        ),
        (
            [Earned(OUT, LAST, 0.1), book(0.3, 0.3, alone="held nothing but FUND, a benchmark itself")],
            "Out of sample none of 2 books has an excess over its benchmark; the median earned +20.0%",
        ),
    ],
)
def test_what_came_out_stands_against_the_declared_benchmark(earned, said):
    assert lead_sentence(earned, None, None) == f"{said}; it reads no signal; {UNKNOWN}"


@pytest.mark.parametrize(
    ("luck", "ends"),
    [
        (None, UNKNOWN),
        (NEVER, "luck is not ruled out."),
        (BEATEN, "it beats 1 of 5 nulls, and 2 of 4 regimes can be told from luck."),
        (LuckFigures(0, 0, 2, 4), "2 of 4 regimes can be told from luck, no null was run."),
    ],
)
def test_luck_comes_last(luck, ends):
    assert (
        lead_sentence([book()], [GAIN], luck)
        == f"{EARNED}; over the whole run the signal added 25.0 points, beyond chance; {ends}"
    )


@pytest.mark.parametrize("effects", [None, [NOTHING], [CHANCE], [LOSS]])
@pytest.mark.parametrize("luck", [None, NEVER, BEATEN])
def test_a_lead_of_one_book_is_at_most_forty_words_unless_a_null_is_beaten(effects, luck):
    words = len(lead_sentence([book(matched=False, hindsight=True)], effects, luck).split())
    assert words <= (50 if luck is BEATEN else 40)


def test_the_lead_of_every_shipped_strategy_gives_the_return_over_the_sessions_that_book_and_benchmark_share(results):
    for name, result in results.items():
        assert isinstance(result, RunResult)
        lead = lead_of(result)
        assert UNKNOWN in lead, name
        if len(result.books) == 1:
            (found,) = result.books.values()
            span = found.benchmark_windows[found.declared][OUT]
            own = found.window(OUT)
            if span.last == own.last:
                assert f"(to {own.last}) it earned {percent(own.total_return)} in hindsight, its" in lead, name
            else:
                assert f" and {percent(own.total_return)} to {own.last} in hindsight; " in lead, name
                assert f" it earned {percent(span.book_return)} to {span.last} (its " in lead, name
            assert len(lead.split()) <= 45, name
