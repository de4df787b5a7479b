"""A plain function as a signal, and a table of weights: run, swept, identified and held to the same guards as any strategy."""

import itertools
import linecache
import pickle
import re
from types import FunctionType

import numpy as np
import pandas as pd
import pytest

import backtest as bt
from backtest import provenance
from backtest.audits.held_tables import held_names, held_tables_cut
from backtest.audits.replay import leak_at
from backtest.calendars import as_of_moment
from backtest.decisions import decide_at, require_values, scores_of
from backtest.errors import ConfigurationError, StrategyError
from backtest.runs.notes import WRITTEN
from backtest.signals._function import from_function
from backtest.sweeps.settings import applied
from backtest.weights import DatedWeights, Gate, Rotation

MOMENT = pd.Timestamp("2025-03-05T10:00Z")


def strongest(panel, days=60):
    """Score each ticker by its return over some sessions."""
    closes = panel.prices.ffill()
    return closes.iloc[-1] / closes.iloc[-days] - 1.0


def spec_of(signal, weights=None, **changes):
    given = {"name": "mine", "baskets": ("optical", "GPU"), "together": True, "base": "USD"} | changes
    return bt.build_spec(**given, signals=(signal,), weights=weights or Rotation(top=1))


# A function is a frozen dataclass of its parameters.


def test_a_function_s_parameters_are_fields_that_identify_and_sweep():
    spec = spec_of(strongest)
    assert spec.as_dict()["signals"] == [{"type": "strongest", "days": 60}]
    shorter = applied(spec, {"signals.0.days": 20})
    assert shorter.signals[0].days == 20
    assert shorter.spec_id != spec.spec_id
    assert applied(shorter, {"signals.0.days": 60}).signals == spec.signals
    assert applied(shorter, {"signals.0.days": 60}).spec_id == spec.spec_id


def test_a_function_s_signal_scores_as_the_function_does(archive):
    panel = archive.as_of(MOMENT)
    shorter = applied(spec_of(strongest), {"signals.0.days": 20}).signals[0]
    pd.testing.assert_series_equal(scores_of(shorter, panel), strongest(panel, 20))


def test_a_function_s_signal_survives_pickling_and_is_the_same():
    signal = from_function(strongest)
    assert pickle.loads(pickle.dumps(signal)) == signal
    assert hash(pickle.loads(pickle.dumps(signal))) == hash(signal)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda panel: panel, "signal <lambda> has no name; expected a function made with def"),
        (FunctionType((lambda: 0).__code__, {}, "nothing"), "signal nothing(): expected nothing(panel) and after it"),
        (FunctionType((lambda panel, days: 0).__code__, {}, "bare"), "signal bare(panel, days): expected bare(panel) and"),
        (FunctionType((lambda panel, *days: 0).__code__, {}, "many"), "signal many(panel, *days): expected many(panel) and"),
    ],
)  # fmt: skip
def test_a_function_of_another_form_is_refused(function, words):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        spec_of(function)


# What a wrong signal is told.


def wrong(value):
    def gives(panel):
        return value

    return gives


DATES = pd.date_range("2024-01-01", periods=3)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "NoneType 'None'"),
        (0.5, "float '0.5'"),
        (np.zeros(4), "ndarray of shape (4,)"),
        (pd.DataFrame({"optical": [1.0]}), "DataFrame of shape (1, 1)"),
        (pd.Series(["much"], ["optical"]), "a Series of str"),
        (pd.Series([1.0, 2.0, 3.0], DATES), "a Series of 3 numbers by date, 2024-01-01 00:00:00 to 2024-01-03 00:00:00"),
        (pd.Series([1.0, 2.0]), "a Series of 2 numbers whose index has 0, which is no name"),
        (pd.Series([1.0, 2.0], ["optical", "optical"]), "a Series of 2 numbers with 'optical' twice"),
    ],
)
def test_a_wrong_signal_is_told_what_it_gave_and_what_was_expected(value, words, archive):
    expected = "expected a pandas Series of scores, one number for each theme or ticker as of the panel's moment, or one for"
    with pytest.raises(StrategyError, match=re.escape(f"signal gives gave {words}; {expected}")):
        scores_of(from_function(wrong(value)), archive.as_of(MOMENT))


@pytest.mark.parametrize(
    ("weights", "names", "words"),
    [
        (Gate(), ["optical", "GPU"], "the signal scores optical, GPU; expected one score, of 'supply_chain', or a"),
        (Rotation(), ["opticl", "GPUs"], "index, opticl, GPUs: no basket or member 'opticl'; did you mean 'optical'?"),
    ],
)  # fmt: skip
def test_scores_of_other_names_than_the_weighting_reads_are_refused(weights, names, words, archive):
    spec = spec_of(wrong(pd.Series([1.0, 2.0], names)), weights)
    session = archive.prices.sessions(["XNYS"])[300]
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        decide_at(spec, "mine", archive, archive.thesis.universe, session)


def test_a_signal_without_a_value_at_any_decision_is_refused(archive):
    spec = spec_of(wrong(pd.Series(np.nan, ["optical", "GPU", "PCB", "ASIC"])))
    sessions = archive.prices.sessions(["XNYS"])[300:340:20]
    decisions = [decide_at(spec, "mine", archive, archive.thesis.universe, session) for session in sessions]
    words = r"signal gives gave NaN for optical, GPU, PCB and so on at each of 2 decisions of mine, .*; expected a number at one"
    with pytest.raises(StrategyError, match=words):
        require_values(spec, "mine", decisions)
    other = spec_of(strongest)
    require_values(other, "mine", [decide_at(other, "mine", archive, archive.thesis.universe, sessions[0])])


# What a function holds beside its panel is hidden by the replay too.

WEALTH: pd.DataFrame | None = None
LATER: bt.Panel | None = None
TABLES: dict[str, pd.DataFrame] = {}


def next_close(panel):
    return WEALTH.loc[WEALTH.index > panel.moment.tz_localize(None)].iloc[0]


def last_row_of_all(panel):
    return WEALTH.ffill().iloc[-1]


def panel_of_a_later_day(panel):
    return LATER.prices.ffill().iloc[-1]


def figure_of_a_later_day(panel):
    return pd.Series({"optical": float(len(TABLES["rows"])), "GPU": 1.0})


def through_another(panel):
    return last_row_of_all(panel)


def enclosed(table):
    def peeks(panel):
        return table.ffill().iloc[-1]

    return peeks


def past_only(panel):
    return WEALTH.loc[WEALTH.index <= panel.moment.tz_localize(None)].ffill().iloc[-1]


@pytest.fixture
def held(archive, monkeypatch):
    """The tables above, filled with the whole of an archive."""
    for name, value in {"WEALTH": archive.prices.wealth, "LATER": archive.as_of("2026-06-30")}.items():
        monkeypatch.setitem(globals(), name, value)
    monkeypatch.setitem(TABLES, "rows", archive.facts.rows)
    return archive


PEEKS = {
    next_close: "'WEALTH'",
    last_row_of_all: "'WEALTH'",
    through_another: "'WEALTH'",
    panel_of_a_later_day: "'LATER'",
    figure_of_a_later_day: "'TABLES'",
}


@pytest.mark.parametrize("peek", PEEKS, ids=lambda peek: peek.__name__)
def test_a_function_that_peeks_at_a_later_row_is_caught_by_name(peek, held):
    session = held.prices.sessions(["XNYS"])[300]
    leak = leak_at(spec_of(peek), "mine", held, held.thesis.universe, session)
    assert leak is not None
    what = f"later rows of {PEEKS[peek]} (held beside its panel), which was not known then"
    assert str(leak) == f"{peek.__name__} on {session:%Y-%m-%d} reads {what}"


def test_a_table_in_a_closure_is_cut_and_put_back(held):
    spec, session = spec_of(enclosed(held.prices.wealth)), held.prices.sessions(["XNYS"])[300]
    assert "'table'" in str(leak_at(spec, "mine", held, held.thesis.universe, session))
    moment = as_of_moment(f"{session:%Y-%m-%d}")
    with held_tables_cut(spec, held, moment):
        assert scores_of(spec.signals[0], held.as_of(moment)).notna().any()
    assert held_names(spec, held, moment) == ["table"]
    pd.testing.assert_series_equal(scores_of(spec.signals[0], held.as_of(moment)), held.prices.wealth.ffill().iloc[-1])


@pytest.mark.parametrize("honest", [strongest, past_only], ids=lambda honest: honest.__name__)
def test_a_function_that_reads_the_past_alone_is_let_pass(honest, held):
    session = held.prices.sessions(["XNYS"])[300]
    assert leak_at(spec_of(honest), "mine", held, held.thesis.universe, session) is None


# A notebook's cell has no file: its source and what it reads identify it.

CELL = "def mine(panel):\n    return scale(panel) * FACTOR\n"
NUMBERS = itertools.count()
HELPER = "def scale(panel):\n    return panel.prices.iloc[-1]\n"


def defined(cell=CELL, helper=HELPER, **names):
    """Return the function `mine` as a cell of a notebook defines it, with what other cells gave to its namespace."""
    number = next(NUMBERS)
    namespace = {"FACTOR": 2.0, "__name__": "__main__", **names}
    for part, source in (("a", helper), ("b", cell)):
        file = f"<ipython-input-{number}-{part}>"
        linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
        exec(compile(source, file, "exec"), namespace)
    return namespace["mine"]


def code_id(function):
    spec = spec_of(function)
    return provenance.code_id(spec.files, spec.texts)


def test_the_code_id_of_a_cell_covers_its_source_what_it_calls_and_what_it_reads():
    before = code_id(defined())
    assert code_id(defined()) == before
    assert code_id(defined(unrelated=3.0)) == before
    table = pd.DataFrame({"a": [1.0, 2.0]})
    changed = {
        "source": code_id(defined(CELL.replace("*", "+"))),
        "called": code_id(defined(helper=HELPER.replace("-1", "-2"))),
        "number": code_id(defined(FACTOR=3.0)),
        "table": code_id(defined(FACTOR=table)),
        "another table": code_id(defined(FACTOR=table * 2.0)),
        "array": code_id(defined(FACTOR=np.array([1.0]))),
        "container": code_id(defined(FACTOR={"a": [1, 2]})),
    }
    assert len({before, *changed.values()}) == 1 + len(changed)


def test_the_code_id_covers_a_class_and_a_module_that_a_cell_reads(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rows_beside_a_notebook.py").write_text("VALUE = 1\n", encoding="utf-8")
    import rows_beside_a_notebook

    cell = "def mine(panel):\n    return scale(panel) * rows.VALUE\n"
    files = spec_of(defined(cell, rows=rows_beside_a_notebook)).files
    assert tmp_path / "rows_beside_a_notebook.py" in files
    monkeypatch.delitem(__import__("sys").modules, "rows_beside_a_notebook")


def test_a_function_in_a_file_counts_by_that_file():
    spec = spec_of(strongest)
    assert spec.texts == ()
    assert [path.name for path in spec.files] == ["test_functions.py"]


def test_an_error_of_a_cell_names_the_cell_s_function_and_line(archive):
    failing = defined("def mine(panel):\n    return 1 / 0\n")
    with pytest.raises(StrategyError, match=r"^cell of mine line 2: ZeroDivisionError: division by zero"):
        scores_of(from_function(failing), archive.as_of(MOMENT))


# Weights by date.

ROWS = pd.DataFrame({"300308.SZ": [0.5, 1.0], "NVDA": [0.5, 0.0]}, pd.to_datetime(["2024-01-15", "2025-01-01"]))


@pytest.mark.parametrize(
    ("day", "weights"),
    [
        ("2024-01-14", [np.nan, np.nan]),
        ("2024-01-15", [0.5, 0.5]),
        ("2024-12-31", [0.5, 0.5]),
        ("2025-01-01", [1.0, 0.0]),
    ],
)
def test_a_row_of_weights_counts_from_its_date_on_and_never_before(day, weights, archive):
    scores = DatedWeights.of(ROWS)(archive.as_of(day))
    np.testing.assert_array_equal(scores.to_numpy(), weights)


def test_a_row_with_a_moment_counts_from_that_moment(archive):
    table = ROWS.set_axis(pd.to_datetime(["2024-01-15T16:00+08:00", "2024-01-16T09:00+08:00"], utc=True))
    known = [DatedWeights.of(table)(archive.as_of(pd.Timestamp(f"2024-01-{moment}Z")))["NVDA"] for moment in ("15T07:59", "15T08:00", "16T01:00")]  # fmt: skip # noqa: E501
    np.testing.assert_array_equal(known, [np.nan, 0.5, 0.0])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (ROWS.reset_index(drop=True), "weights: the index is a RangeIndex of 2; expected a date for every row"),
        (ROWS.iloc[::-1], "weights: the dates do not rise; expected unique, rising dates"),
        (ROWS.set_axis([1, 2], axis=1), "weights: the columns are [1, 2]; expected tickers, each once"),
        (ROWS.assign(NVDA=[0.5, np.nan]), "weights on 2025-01-01: NVDA is nan; expected a number of at least 0"),
        (ROWS.assign(NVDA=[0.5, -0.1]), "weights on 2025-01-01: NVDA is -0.1; expected a number of at least 0"),
        (ROWS.assign(NVDA=[0.6, 0.0]), "weights on 2024-01-15: they add up to 1.1; expected at most 1, the rest is cash"),
        (ROWS.assign(NVDA=["half", "none"]), "weights on 2024-01-15: NVDA is half; expected a number of at least 0"),
    ],
)
def test_a_table_that_is_none_of_weights_is_refused_by_row(table, words):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        bt.build_spec(name="typed", weights=table, base="USD")


def test_a_table_beside_signals_is_refused():
    with pytest.raises(ConfigurationError, match="a table of weights beside signals; expected no signals"):
        bt.build_spec(name="typed", baskets=("GPU",), signals=(strongest,), weights=ROWS, base="USD")


@pytest.mark.slow
def test_a_table_of_weights_runs_and_says_that_no_replay_can_judge_it(archive):
    spec = bt.build_spec(name="typed", weights=ROWS, base="USD", start="2023-12-01", end="2025-03-31")
    result = bt.run(spec, archive)
    book = result.books["typed"]
    first = book.orders["decided"].min()
    assert first == pd.Timestamp("2024-01-31")  # the first decision after the first row's date
    assert set(book.orders.loc[book.orders["decided"] == first, "ticker"]) == set(ROWS.columns)
    assert WRITTEN in result.notes
    audit = bt.audit(result, archive, seconds=0.0)
    assert audit.verdict.endswith("a replay cannot tell what was known when they were written.")
    assert audit.not_run["leak_budget"] == "the strategy reads no published figure"
