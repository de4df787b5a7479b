"""The memory thesis's own signals keep what every signal of the package keeps."""

import pandas as pd
import pytest
from support.signal_checks import (
    LATEST,
    check_cites_nothing_later,
    check_has_no_opinion_without_knowledge,
    check_holds_no_history,
    check_inputs_are_figures_of_the_panel,
    check_is_a_frozen_value,
    check_known_when_the_last_input_was,
    check_leaves_the_panel_as_it_was,
    check_moved_by_what_is_cited,
    check_parts_unmoved_by_what_is_not_cited,
    check_returns_numbers,
    check_unmoved,
    check_unmoved_by_what_is_not_cited,
    scrambled,
    truncated,
)

from backtest.data.archive import load_archive
from backtest.errors import ConfigurationError
from backtest.signals import load_signals
from backtest.thesis import load_thesis

MEMORY = load_thesis("memory")
OWN = {name: signal for name, signal in load_signals(MEMORY).items() if (MEMORY.folder / "signals" / f"{name}.py").exists()}
every_signal = pytest.mark.parametrize("signal", OWN.values(), ids=OWN)


@pytest.fixture(scope="module")
def memory():
    return load_archive(["MU", "000660.KS", "SMH"], thesis=MEMORY)


def test_every_file_of_the_thesis_is_a_signal_that_is_found():
    assert sorted(OWN) == ["maker_excess", "maker_share"]


@every_signal
@pytest.mark.parametrize("other", [truncated, scrambled], ids=lambda other: other.__name__)
def test_it_is_unmoved_by_the_future(signal, memory, moments, other):
    for moment in moments[::4]:
        check_unmoved(signal, memory.as_of(moment), other(memory, moment).as_of(moment))


@every_signal
def test_it_is_a_value_computed_from_the_panel_alone(signal, memory, moments):
    check_is_a_frozen_value(signal)
    check_holds_no_history(signal)
    check_has_no_opinion_without_knowledge(signal, memory.as_of(pd.Timestamp("2021-01-01", tz="UTC")))
    for moment in moments[::4]:
        check_returns_numbers(signal, memory.as_of(moment))
        check_cites_nothing_later(signal, memory.as_of(moment))
        check_leaves_the_panel_as_it_was(signal, memory.as_of(moment))


@every_signal
@pytest.mark.parametrize(
    "check",
    [
        check_inputs_are_figures_of_the_panel,
        check_known_when_the_last_input_was,
        check_unmoved_by_what_is_not_cited,
        check_parts_unmoved_by_what_is_not_cited,
        check_moved_by_what_is_cited,
    ],
    ids=lambda check: check.__name__,
)
def test_a_reading_is_computed_from_the_figures_it_cites(signal, check, memory):
    check(signal, memory.as_of(LATEST))


@every_signal
def test_it_says_its_weakest_input_and_its_source(signal):
    assert "Weakest input:" in signal.__doc__
    assert "Source:" in signal.__doc__


@pytest.mark.parametrize(("name", "side", "word"), [("maker_share", "makers", "maker"), ("maker_excess", "leaders", "leader")])
def test_an_empty_side_is_refused(name, side, word):
    for empty in (side, "clouds"):
        with pytest.raises(ConfigurationError, match=f"at least one {word} and one cloud"):
            type(OWN[name])(**{empty: ()})
