"""Each book beside the same book without its signal: the controls, what the signal did, and the sentence made of both."""

import math
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from support.markets import STRATEGIES, reference_archive, spec_of

from backtest.data.archive import load_archive
from backtest.decisions import Decision
from backtest.files.documents import to_json
from backtest.output.document import to_document
from backtest.output.summary import terminal
from backtest.report import render
from backtest.result import ControlWindow
from backtest.runs import needed_tickers, run
from backtest.runs.control_sentence import NO_SIGNAL, ROTATION, Activity, control_sentence
from backtest.runs.controls import activity
from backtest.runs.lead_sentence import lead_of
from backtest.statistics.refusal import Refused
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.weights import Equal, Exposure, Gate, Rotation

DAILY = Path(__file__).parents[2] / "shared" / "daily"
NAN = float("nan")
SESSIONS = pd.DatetimeIndex(pd.bdate_range("2024-01-01", periods=10))


@dataclass(frozen=True)
class Scripted:
    """A score per calendar month from 2024-01 on, the last for ever; NaN is no value."""

    scores: tuple[float, ...]

    def __call__(self, panel):
        month = (panel.moment.year - 2024) * 12 + panel.moment.month - 1
        return pd.Series([self.scores[min(month, len(self.scores) - 1)]], index=["supply_chain"])


@dataclass(frozen=True)
class Own:
    """A weighting of a user, without controls."""

    signals_wanted: ClassVar[int] = 1
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores, members):
        return Equal()(scores, members) if scores[0].iloc[0] > 0 else {}


@pytest.fixture(scope="module")
def archive():
    thesis = load_thesis()
    return reference_archive([*needed_tickers(spec_of(baskets=("optical",)), thesis), "510300.SS"])


def gated(scores, weights=None, **changes):
    return spec_of(
        baskets=("optical",),
        signals=(Scripted(scores),),
        weights=weights or Gate(above=0.5, otherwise="510300.SS"),
        start="2024-01-01",
        end="2024-09-30",
        **changes,
    )


SCORES = (NAN, NAN, 0.1, 0.9, 0.9, 0.2, 0.9)  # a value from March on; shut, open, open, shut, open


# The two controls


@pytest.mark.parametrize("changes", [{}, {"fill": "open", "lag": 3, "cost_bps": 30.0}, {"rebalance": "weekly"}], ids=str)
def test_the_controls_are_what_a_run_under_their_weightings_earns_in_every_window(archive, changes):
    spec = gated(SCORES, **changes)
    control, weights = run(spec, archive).books["optical"].control, spec.weights
    alone = run(spec.replaced(weights=weights.twin), archive).books["optical"]
    assert {name: window.total_return for name, window in control.twin.items()} == {
        name: window.total_return for name, window in alone.windows.items()
    }
    pd.testing.assert_series_equal(control.equity["twin"], alone.equity, check_names=False)
    sessions_of_gate = Exposure(1.0, "510300.SS")  # always full: the basket from the first session, on the gate's own sessions
    held = run(spec.replaced(weights=sessions_of_gate, signals=(Scripted((1.0,)),)), archive).books["optical"]
    assert {name: window.total_return for name, window in control.from_start.items()} == {
        name: window.total_return for name, window in held.windows.items()
    }
    pd.testing.assert_series_equal(control.equity["from_start"], held.equity, check_names=False)


def test_a_difference_is_the_book_s_return_less_the_control_s(archive):
    book = run(gated(SCORES), archive).books["optical"]
    for controls in (book.control.twin, book.control.from_start):
        for name, window in controls.items():
            earned = book.windows[name].total_return
            assert (window.difference is None) == (earned is None)
            if earned is not None:
                assert window.difference == earned - window.total_return
            if isinstance(window.interval, tuple):
                assert window.interval[0] < window.interval[1]


def test_what_the_signal_did_is_counted(archive):
    book = run(gated(SCORES), archive).books["optical"]
    control, index = book.control, book.equity.index
    days = (control.first_value, control.first_change, control.last_change)
    assert (control.switches, days) == (3, ("2024-03-29", "2024-04-30", "2024-07-31"))
    later = index[index > "2024-03-29"]
    assert control.time_on == pytest.approx(later.month.isin([5, 6, 8, 9]).mean())  # shut in April and in July


def test_a_signal_that_is_always_on_did_nothing(archive):
    book = run(gated((0.9,)), archive).books["optical"]
    control = book.control
    assert (control.switches, control.time_on) == (0, 1.0)
    assert {window.difference for window in control.twin.values()} <= {0.0, None}
    assert (
        "The signal never switched: it was on from its first value (2024-01-02) to the end. It did nothing:" in control.sentence
    )
    assert control.twin["whole"].interval == Refused("the two never differ", book.windows["whole"].n)
    assert "Waiting for its first value cost nothing" in control.sentence


def test_a_strategy_without_a_signal_has_no_control(archive):
    result = run(spec_of(baskets=("optical",), start="2024-01-01", end="2024-03-29"), archive)
    document = to_document(result)
    assert document["books"]["optical"]["control"] is None
    assert "it reads no signal" in " ".join(terminal(document).split())
    assert NO_SIGNAL in render(result)


def test_a_weighting_without_controls_of_its_own_has_no_twin_but_the_basket_from_the_first_session(archive):
    control = run(gated(SCORES, Own()), archive).books["optical"].control
    assert isinstance(control.twin, Refused)
    assert "Own does not say what it holds with the signal on" in control.twin.reason
    assert (control.switches, control.time_on, control.first_value) == (None, None, None)
    always = run(gated((1.0,), Own()), archive).books["optical"]
    assert control.from_start["whole"].total_return == always.windows["whole"].total_return
    assert control.sentence.startswith("Whether the signal mattered is not known: Own does not say")


def test_page_and_terminal_begin_with_the_lead_and_then_say_more_of_the_signal(archive):
    result = run(gated(SCORES), archive)
    sentence, lead = result.books["optical"].control.sentence, lead_of(result)
    assert "; over the whole run the signal " in lead
    lines = " ".join(terminal(to_document(result)).split())
    control = to_document(result)["books"]["optical"]["control"]
    assert sentence.startswith(control["activity"])
    heading, _, more = lines.partition(lead)
    assert heading.startswith("By hand ")
    assert control["activity"] in more
    assert f"{control['held']['whole']['total_return']:+,.1%}".replace("-", "−") in more
    page = render(result)
    assert 0 < page.index(lead) < page.index(sentence) < page.index("The audit was not run")
    assert f"{result.books['optical'].title}: against its controls" in page
    assert "Capacity is not modelled" in page


def test_the_document_calls_it_held(archive):
    document = to_document(run(gated(SCORES), archive))
    control = document["books"]["optical"]["control"]
    assert set(control) == {
        "sentence", "activity", "switches", "time_on", "first_value", "first_change", "last_change", "twin", "held",
    }  # fmt: skip
    assert '"held"' in to_json(document)


# What a signal did


def decided(*scores):
    series = [pd.Series([score], index=["supply_chain"]) for score in scores]
    moments = [session.tz_localize("UTC") for session in SESSIONS[: len(scores)]]
    return [Decision(*row, (score,), {}) for *row, score in zip(SESSIONS, moments, series, strict=False)]


def test_switches_are_counted_between_decisions_that_have_a_value():
    acted = activity(Gate(), decided(NAN, 1.0, NAN, 1.0, NAN, -1.0), SESSIONS)
    assert (acted.switches, acted.first_change, acted.last_change) == (1, "2024-01-08", "2024-01-08")
    assert acted.first_value == "2024-01-02"


def test_time_on_counts_the_sessions_after_the_first_value_by_the_last_decision_before_them():
    # decided on at the close of session 2, off at that of 6: on in 3 to 6, off in 7 to 10
    decisions = [decided(NAN, 1.0, 1.0, 1.0, 1.0, -1.0)[number] for number in (0, 1, 5)]
    assert activity(Gate(), decisions, SESSIONS).time_on == 4 / 8


def test_without_a_value_a_session_is_not_on():
    assert activity(Gate(), decided(1.0, NAN, 1.0), SESSIONS).time_on == 8 / 9


def test_a_share_of_an_exposure_is_time_on_in_part_and_each_change_of_it_a_switch():
    acted = activity(Exposure(full_at=1.0), decided(0.25, 0.75, 0.75, 2.0), SESSIONS)
    assert acted.switches == 2
    assert acted.time_on == pytest.approx((0.25 + 0.75 + 0.75 + 6 * 1.0) / 9)


def test_a_rotation_switches_where_it_chooses_other_themes():
    members = {"optical": ("AAA",), "copper": ("BBB",)}
    pairs = [(1.0, 0.5), (0.9, 0.6), (0.1, 0.6), (-1.0, -1.0)]
    rows = zip(decided(*([0.0] * 4)), pairs, strict=True)
    decisions = [replace(row, scores=(pd.Series(pair, index=list(members)),), eligible=members) for row, pair in rows]
    acted = activity(Rotation(top=1), decisions, SESSIONS)
    assert (acted.switches, acted.first_change, acted.last_change) == (2, "2024-01-03", "2024-01-04")
    assert acted.time_on == 3 / 9


def test_a_signal_that_never_has_a_value_did_nothing_at_all():
    assert activity(Gate(), decided(NAN, NAN), SESSIONS) == Activity(0, None, None, None, None)


# The sentence, by rule


def sentence(acted, twin, interval, held, earned=0.5):
    window = ControlWindow(twin, earned - twin, interval)
    return control_sentence(acted, {"whole": earned}, {"whole": window}, {"whole": ControlWindow(held, earned - held, None)})


ONCE = Activity(1, 0.8, "2024-01-31", "2024-03-29", "2024-03-29")


@pytest.mark.parametrize(
    ("interval", "twin", "words"),
    [
        ((-0.1, 0.3), 0.4, "It made no difference that can be told from chance: the book earned +50.0%"),
        ((0.01, 0.3), 0.4, "It added 10.0 points: the book earned +50.0%, the same book with the signal on wherever it "),
        ((-0.3, -0.01), 0.6, "It cost 10.0 points: the book earned +50.0%"),
        ((-0.0004, -0.0001), 0.5002, "It did nothing: the book earned +50.0%"),
        (Refused("29 observations; expected at least 30", 29), 0.4, "Whether it mattered cannot be told (29 observations"),
    ],
)  # fmt: skip
def test_whether_it_mattered_follows_from_the_interval(interval, twin, words):
    assert words in sentence(ONCE, twin, interval, 0.4)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (0.9, "Waiting for its first value cost 50.0 points: the basket held from the first session earned +90.0%."),
        (0.1, "Waiting for its first value gained 30.0 points"),
        (0.4, "Waiting for its first value cost nothing"),
    ],
)
def test_what_waiting_cost_is_the_basket_less_the_twin(held, words):
    assert words in sentence(ONCE, 0.4, (-0.1, 0.3), held)


def test_a_signal_that_lost_its_value_again_is_not_said_to_have_waited_for_its_first():
    said = sentence(replace(ONCE, gaps=True), 0.4, (-0.1, 0.3), 0.9)
    assert "Having no value at first or later cost 50.0 points" in said
    assert "aiting" not in said


@pytest.mark.parametrize(
    ("acted", "words"),
    [
        (ONCE, "The signal switched once (2024-03-29) and never again; it was on 80% of the time since its first value"),
        (replace(ONCE, switches=4, last_change="2024-06-28"), "The signal switched 4 times (2024-03-29 to 2024-06-28);"),
        (replace(ONCE, switches=0, time_on=1.0), "The signal never switched: it was on from its first value (2024-01-31) to"),
        (replace(ONCE, switches=0, time_on=0.0), "The signal never switched: it was off from its first value"),
        (
            replace(ONCE, switches=0, gaps=True),
            "The signal never switched while it had a value; it was on 80% of the time since its first (2024-01-31).",
        ),
        (Activity(0, None, None, None, None), "The signal never had a value."),
    ],
)  # fmt: skip
def test_what_the_signal_did_comes_first(acted, words):
    assert sentence(acted, 0.4, (-0.1, 0.3), 0.4).startswith(words)


def test_an_exposure_and_a_rotation_speak_of_what_they_do(archive):
    share = run(gated((0.2, 0.4), Exposure(full_at=1.0)), archive).books["optical"].control.sentence
    assert share.startswith("The signal changed its share ")
    assert "it asked for 36% of the book on average since its first value (2024-01-02)" in share
    window = {"whole": ControlWindow(0.4, 0.1, (-0.1, 0.3))}
    themes = control_sentence(ONCE, {"whole": 0.5}, window, window, ROTATION)
    assert themes.startswith("The signal changed its themes once (2024-03-29) and never again; ")
    assert "it held some theme 80% of the time since its first value" in themes
    assert "the same book over all themes in equal parts +40.0%" in themes


# The case that started it


@pytest.mark.slow
@pytest.mark.skipif(not DAILY.is_dir(), reason="the folder of daily prices is not beside the repository")
def test_the_gate_of_the_report_s_leaders_switched_once_and_the_basket_would_have_earned_three_times_as_much():
    (path,) = [path for path in STRATEGIES if path.stem == "supply_chain_excess"]
    thesis, spec = load_thesis(), load_strategy(path).replaced(end=date(2026, 7, 31))
    book = run(spec, load_archive(needed_tickers(spec, thesis), str(DAILY), thesis=thesis)).books["leaders"]
    control = book.control
    assert (control.switches, control.first_change, control.last_change) == (1, "2023-09-28", "2023-09-28")
    whole = (book.windows["whole"], control.twin["whole"], control.from_start["whole"])
    assert [window.total_return for window in whole[:2]] == pytest.approx([8.537, 8.852], abs=0.003)
    assert whole[2].total_return == pytest.approx(27.895, abs=0.03)
    later = (book.windows["out of sample"], control.twin["out of sample"], control.from_start["out of sample"])
    assert [window.total_return for window in later] == pytest.approx([2.316, 2.317, 2.317], abs=0.003)
    lower, upper = control.twin["whole"].interval
    assert lower < 0.0 < upper
    ends = book.windows["after the report"].ends
    assert (ends.sessions, round(ends.low, 2), round(ends.high, 2)) == (60, 2.12, 4.31)
    since = book.equity.loc["2026-06-26"] / book.equity.loc[book.windows["after the report"].base] - 1
    assert math.isclose(since, 3.988, abs_tol=0.003)
