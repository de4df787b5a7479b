"""A strategy is not trusted: it cannot write what it reads, fails in one line, and has to decide the same twice."""

import random
import signal as signals_of_the_system
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import parse_quarter
from backtest.decisions import closing_moment, context_of, decide_from, scores_of
from backtest.errors import ConfigurationError, NotRepeatableError, StrategyError
from backtest.panel import Archive, unchanged
from backtest.runs import run
from backtest.signals import SUPPLY_CHAIN
from backtest.strategy import build_spec, load_strategy
from backtest.thesis import load_thesis
from backtest.weights import Gate

pytestmark = pytest.mark.slow

MOMENT = pd.Timestamp("2025-03-05T10:00Z")  # Shanghai has closed, New York has not


@dataclass(frozen=True)
class Acting:
    """A signal that does something of a table below, then likes the supply chain."""

    deed: str

    def __call__(self, panel):
        given = DEEDS[self.deed](panel)
        return pd.Series([1.0], index=[SUPPLY_CHAIN]) if given is None else given


def leave():
    raise SystemExit(0)


def interrupt():
    raise KeyboardInterrupt


def again(panel):
    return again(panel)


def exhaust():
    raise MemoryError


CALLS = []
DEEDS = {
    "leaves": lambda panel: leave(),
    "interrupts": lambda panel: interrupt(),
    "recurs": again,
    "exhausts": lambda panel: exhaust(),
    "divides": lambda panel: 1 / 0,
    "says nothing": lambda panel: 0,
    "gives words": lambda panel: pd.Series(["much"], index=[SUPPLY_CHAIN]),
    "says twice": lambda panel: pd.Series([1.0, 2.0], index=[SUPPLY_CHAIN, SUPPLY_CHAIN]),
    "guesses": lambda panel: pd.Series([random.random()], index=[SUPPLY_CHAIN]),
    "alternates": lambda panel: pd.Series([float(len(CALLS) % 2)], index=[SUPPLY_CHAIN], name=CALLS.append(1)),
    "tires": lambda panel: pd.Series([float(len(CALLS) > 20)], index=[SUPPLY_CHAIN], name=CALLS.append(1)),
}


class Unprintable(BaseException):
    def __str__(self):
        return 5


def unprintable(panel):
    raise Unprintable


DEEDS["cannot say"] = unprintable
FAILURES = {
    "leaves": "SystemExit: 0",
    "interrupts": "KeyboardInterrupt: no message",
    "recurs": "RecursionError: maximum recursion depth exceeded",
    "exhausts": "MemoryError: no message",
    "divides": "ZeroDivisionError: division by zero",
    "cannot say": "Unprintable: no message that can be read",
}


def spec_of(deed):
    return build_spec(name="mine", title="t", question="q", baskets=("leaders",), signals=(Acting(deed),), weights=Gate())


@pytest.mark.parametrize("deed", FAILURES)
def test_what_a_signal_raises_is_an_error_of_the_strategy_in_one_line(deed, archive):
    with pytest.raises(StrategyError) as refused:
        scores_of(Acting(deed), archive.as_of(MOMENT))
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith("test_untrusted_strategies.py line ")
    assert FAILURES[deed] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("deed", ["says nothing", "gives words", "says twice"])
def test_scores_that_are_none_are_refused(deed, archive):
    with pytest.raises(StrategyError, match=r"signal Acting gave .*; expected "):
        scores_of(Acting(deed), archive.as_of(MOMENT))


def test_a_person_s_interruption_is_not_the_strategy_s(archive, monkeypatch):
    monkeypatch.setitem(DEEDS, "waits", lambda panel: signals_of_the_system.raise_signal(signals_of_the_system.SIGINT))
    before = signals_of_the_system.signal(signals_of_the_system.SIGINT, signals_of_the_system.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            scores_of(Acting("waits"), archive.as_of(MOMENT))
    finally:
        signals_of_the_system.signal(signals_of_the_system.SIGINT, before)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys\nsys.exit(0)\n", "mine.py line 2: SystemExit: 0"),
        ("def broken(:\n", "mine.py line 1: SyntaxError: "),
        ("x = 1\nmissing\n", "mine.py line 2: NameError: name 'missing' is not defined"),
        ("import no_such_module_at_all\n", "mine.py line 1: ModuleNotFoundError: "),
        ("raise KeyboardInterrupt\n", "mine.py line 1: KeyboardInterrupt: "),
        ("raise ValueError('first\\nsecond')\n", "mine.py line 1: ValueError: first "),
    ],
)
def test_what_a_strategy_file_raises_when_it_is_loaded_is_one_line(source, words, tmp_path):
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(StrategyError) as refused:
        load_strategy(tmp_path / "mine.py")
    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("deed", ["guesses", "alternates", "tires"])
def test_a_decision_that_is_not_the_same_twice_ends_a_run_with_code_four(deed, archive):
    CALLS.clear()
    with pytest.raises(NotRepeatableError, match=r"mine: Acting in leaders on \d{4}-\d\d-\d\d is not the same twice") as refused:
        run(spec_of(deed).replaced(start=pd.Timestamp("2024-01-05").date()), archive)
    assert refused.value.exit_code == 4


def owner(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


ARRAYS = {
    "a price column": lambda panel: panel.prices["NVDA"].values,
    "a price column as numpy": lambda panel: panel.prices["NVDA"].to_numpy(),
    "all prices": lambda panel: panel.prices.values,
    "the memory behind a price column": lambda panel: owner(panel.prices["NVDA"].values),
    "the block of prices": lambda panel: panel.prices._mgr.blocks[0].values,
    "the sessions": lambda panel: panel.prices.index.values,
    "the memory behind the sessions": lambda panel: owner(panel.prices.index._data._ndarray),
    "the figures": lambda panel: panel.rows["value"].values,
    "the quarters of figures": lambda panel: panel.rows["quarter"].to_numpy(),
    "when figures became known": lambda panel: panel.rows["known_at"].array._ndarray,
    "a chip's bandwidth": lambda panel: panel.accelerators["scale_up_gb_per_s"].values,
    "a matrix of figures": lambda panel: panel.matrix([("MSFT", "purchases_ppe")]),
    "the quarters": lambda panel: owner(panel.quarters),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_a_panel_cannot_be_made_writeable(name, archive):
    array = ARRAYS[name](archive.as_of(MOMENT).copy())
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        array.flags.writeable = True
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        array.setflags(write=True)


def test_what_a_signal_puts_into_its_tables_is_in_no_other_panel_of_the_moment(archive):
    panel = archive.as_of(MOMENT)
    before = panel.rows.copy(), panel.prices.copy()

    def writes(given):
        given.rows["value"] = 0.0
        given.rows.loc[given.rows.index[0], "unit"] = "none"
        given.prices.iloc[0, 0] = 1e9
        given.prices["MORE"] = 1.0

    writes(panel.copy())
    pd.testing.assert_frame_equal(panel.rows, before[0])
    pd.testing.assert_frame_equal(panel.prices, before[1])


def test_what_a_signal_puts_into_its_tables_is_in_nothing_that_another_computes(archive):
    series, quarter = ("AMZN", "purchases_ppe"), parse_quarter("2023Q4")
    fresh, panel = archive.as_of(MOMENT), archive.as_of(MOMENT)
    own = panel.copy()
    own.rows["value"] *= 2.0
    own.accelerators["scale_up_gb_per_s"] = 1.0
    for given in (own, panel.copy(), panel):
        np.testing.assert_array_equal(given.matrix([series]), fresh.matrix([series]))
        assert given.fact(series, quarter) == fresh.fact(series, quarter)
        assert repr(given.chips) == repr(fresh.chips)


def test_a_panel_whose_tables_were_replaced_computes_from_those_and_leaves_the_others_alone(archive):
    series, panel = ("AMZN", "purchases_ppe"), archive.as_of(MOMENT)
    before = panel.matrix([series])
    own = panel.copy()
    doubled = replace(own, rows=own.rows.assign(value=own.rows["value"] * 2.0))
    np.testing.assert_array_equal(doubled.matrix([series]), before * 2.0)
    np.testing.assert_array_equal(own.matrix([series]), before)
    np.testing.assert_array_equal(panel.copy().matrix([series]), before)


def test_what_a_signal_computes_under_a_name_of_the_panel_s_own_is_in_no_other_panel(archive):
    panel = archive.as_of(MOMENT)
    assert panel.copy().cached(lambda given: "mine") == "mine"
    assert len(panel.quarters) > 4


def test_an_archive_that_was_written_to_is_refused_after_the_run(archive):
    wealth = archive.prices.wealth.copy()
    held = Archive(archive.facts, replace(archive.prices, wealth=wealth))
    with unchanged(held, "strategy mine"):
        pass
    with pytest.raises(StrategyError, match="strategy mine: figures or prices are no longer what was loaded"), unchanged(held, "strategy mine"):  # fmt: skip # noqa: E501
        held.prices.wealth.iloc[5, 0] *= 2.0


@dataclass(frozen=True)
class Straying(Gate):
    """Weights of a ticker that is in no basket, or of no number."""

    weight: object = 1.0

    def __call__(self, scores, members):
        return {"GONE": self.weight} if isinstance(self.weight, float) else {next(iter(members["leaders"])): self.weight}


@pytest.mark.parametrize(("weight", "words"), [(1.0, "no member that can be held then"), ("all", "expected a number")])
def test_weights_that_are_none_are_refused(weight, words, archive):
    spec = build_spec(name="mine", title="t", question="q", baskets=("leaders",), signals=(Acting("leaves"),),
                      weights=Straying(weight=weight))  # fmt: skip
    session = archive.prices.sessions(archive.prices.markets_of(spec.tickers("leaders", load_thesis().universe)))[150]
    panel = archive.as_of(closing_moment(archive.prices, ["XNYS", "XSHG"], session))
    context = context_of(("leaders",), session, panel, load_thesis().universe)
    with pytest.raises(StrategyError, match=words):
        decide_from(spec.weights, "leaders", context, (pd.Series([1.0], index=[SUPPLY_CHAIN]),))


@pytest.mark.parametrize("name", ["sweeps", "all", "..", "a/b", "index.html", "Sweeps"])
def test_a_reserved_name_is_refused(name):
    with pytest.raises(ConfigurationError, match="name is "):
        spec_of("leaves").replaced(name=name)
