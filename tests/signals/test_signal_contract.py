"""What every signal keeps, found by itself: past only, panel only, inputs cited. Each check raises AssertionError."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
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
    said_by,
    scrambled,
    truncated,
)

import backtest.signals
from backtest.panel import Archive
from backtest.signals import QuarterlySignal, load_signals, supply_chain_score
from backtest.thesis import load_thesis

SIGNALS = load_signals(load_thesis())
QUARTERLY = {name: signal for name, signal in SIGNALS.items() if isinstance(signal, QuarterlySignal)}

every_signal = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
every_quarterly_signal = pytest.mark.parametrize("signal", QUARTERLY.values(), ids=QUARTERLY)


# Every signal


def test_every_file_of_the_folder_is_a_signal_that_is_found():
    folder = Path(backtest.signals.__file__).parent
    assert set(SIGNALS) == {path.stem for path in folder.glob("[!_]*.py")}
    assert {"momentum", "revenue_capex_ratio", "supply_chain_excess"} <= set(SIGNALS)


@pytest.fixture(scope="module")
def panels(archive, moments):
    """Per moment the panel, that of a history which stops there, and that of one which goes on at random."""
    histories = [(archive, truncated(archive, moment), scrambled(archive, moment)) for moment in moments]
    return [[history.as_of(moment) for history in three] for three, moment in zip(histories, moments, strict=True)]


@every_signal
def test_a_signal_is_unmoved_when_the_future_is_deleted(signal, panels):
    for panel, stopped, _ in panels:
        check_unmoved(signal, panel, stopped)


@every_signal
def test_a_signal_is_unmoved_when_the_future_is_scrambled(signal, panels):
    for panel, _, gone_on in panels:
        check_unmoved(signal, panel, gone_on)


@every_quarterly_signal
def test_a_signal_cites_nothing_that_was_not_yet_known(signal, archive, moments):
    for moment in moments:
        check_cites_nothing_later(signal, archive.as_of(moment))


@every_signal
def test_a_signal_is_a_frozen_value_with_defaults(signal):
    check_is_a_frozen_value(signal)


@every_signal
def test_a_signal_returns_a_number_per_theme_or_ticker(signal, archive, moments):
    for moment in moments:
        check_returns_numbers(signal, archive.as_of(moment))


@every_signal
def test_a_signal_has_an_opinion_once_everything_is_known(signal, archive):
    assert signal(archive.as_of(pd.Timestamp("2026-06-30", tz="UTC"))).notna().any()


@every_signal
@pytest.mark.parametrize("day", ["2022-01-01", "2022-01-03"])
def test_a_signal_has_no_opinion_while_nothing_is_known(signal, archive, day):
    check_has_no_opinion_without_knowledge(signal, archive.as_of(pd.Timestamp(day, tz="UTC")))


@every_signal
def test_a_signal_says_the_same_twice_and_leaves_the_panel_as_it_was(signal, archive):
    for day in ("2023-09-15", "2026-06-30"):
        check_leaves_the_panel_as_it_was(signal, archive.as_of(pd.Timestamp(day, tz="UTC")))


@every_signal
def test_a_signal_holds_no_history_of_its_own(signal):
    check_holds_no_history(signal)


@every_quarterly_signal
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
def test_a_reading_is_computed_from_the_figures_it_cites(signal, check, archive):
    check(signal, archive.as_of(LATEST))


@every_quarterly_signal
def test_a_quarterly_signal_has_a_value_per_quarter_of_the_panel(signal, archive, moments):
    for moment in moments:
        panel = archive.as_of(moment)
        assert signal.values(panel).shape == panel.quarters.shape


# The checks catch what they are for


@pytest.mark.parametrize("name", QUARTERLY)
def test_figures_cut_by_the_end_of_their_period_are_caught(name, archive, cut_by_period_end):
    faulty = cut_by_period_end(archive.facts, archive.prices)
    eve = pd.Timestamp("2026-02-03", tz="UTC")  # the last quarter of 2025 has ended; not all of it is published
    for other in (truncated, scrambled):
        with pytest.raises(AssertionError, match="moved by what was known after"):
            check_unmoved(SIGNALS[name], faulty.as_of(eve), other(faulty, eve).as_of(eve))
    with pytest.raises(AssertionError, match=r"cites .*, known at"):
        check_cites_nothing_later(SIGNALS[name], faulty.as_of(eve))


@pytest.mark.parametrize("other", [truncated, scrambled], ids=lambda other: other.__name__)
def test_prices_shown_one_session_ahead_are_caught(archive, one_session_ahead, other):
    faulty = one_session_ahead(archive.facts, archive.prices)
    eve = pd.Timestamp("2024-03-05T11:30", tz="UTC")
    check_unmoved(LastPrice(), archive.as_of(eve), other(archive, eve).as_of(eve))
    with pytest.raises(AssertionError, match="moved by what was known after"):
        check_unmoved(LastPrice(), faulty.as_of(eve), other(faulty, eve).as_of(eve))


@dataclass(frozen=True)
class LastPrice:
    """An honest signal: the last price of each ticker."""

    def __call__(self, panel):
        return panel.prices.ffill().iloc[-1] if len(panel.prices) else pd.Series(np.nan, panel.prices.columns)


def newest_revenue(archive):
    rows = archive.facts.rows
    return float(rows[(rows["entity"] == "NVDA") & (rows["metric"] == "revenue")]["value"].iloc[-1])


def signals_that_keep_the_archive(archive):
    """Return signals that read an Archive they were not given: from a field, the class, a closure."""

    @dataclass(frozen=True)
    class InAField:
        history: Archive = archive

        def __call__(self, panel):
            return supply_chain_score(newest_revenue(self.history))

    @dataclass(frozen=True)
    class OnTheClass:
        history: ClassVar[Archive] = archive

        def __call__(self, panel):
            return supply_chain_score(newest_revenue(self.history))

    @dataclass(frozen=True)
    class InAClosure:
        def __call__(self, panel):
            return supply_chain_score(newest_revenue(archive))

    return {"field": InAField, "class": OnTheClass, "closure": InAClosure}


def test_an_archive_in_a_field_is_caught_though_it_was_never_hashed(archive):
    peeking = signals_that_keep_the_archive(archive)["field"]()
    with pytest.raises(AssertionError, match=r"cannot be hashed"):
        check_is_a_frozen_value(peeking)


@pytest.mark.parametrize("kept", ["field", "class"])
def test_an_archive_that_a_signal_holds_is_caught(archive, kept):
    with pytest.raises(AssertionError, match="holds Archive"):
        check_holds_no_history(signals_that_keep_the_archive(archive)[kept]())


@pytest.mark.parametrize("kept", ["field", "class", "closure"])
def test_an_archive_that_a_signal_reads_is_caught_on_an_empty_panel(archive, kept):
    panel = archive.as_of(pd.Timestamp("2022-01-03", tz="UTC"))
    with pytest.raises(AssertionError, match="an opinion on an empty panel"):
        check_has_no_opinion_without_knowledge(signals_that_keep_the_archive(archive)[kept](), panel)


@pytest.mark.parametrize("other", [truncated, scrambled], ids=lambda other: other.__name__)
def test_an_archive_found_behind_the_panel_is_caught_by_changing_its_future(archive, other):
    opened = {}

    class Opening(Archive):
        def as_of(self, moment):
            panel = super().as_of(moment)
            opened[id(panel)] = self
            return panel

    @dataclass(frozen=True)
    class Behind:
        def __call__(self, panel):
            return supply_chain_score(newest_revenue(opened[id(panel)]))

    moment = pd.Timestamp("2024-06-03", tz="UTC")
    history = Opening(archive.facts, archive.prices)
    with pytest.raises(AssertionError, match="moved by what was known after"):
        check_unmoved(Behind(), history.as_of(moment), other(history, moment).as_of(moment))


@dataclass(frozen=True)
class Revenue:
    """An honest signal of one figure, from which the faulty ones below differ by one thing each."""

    def __call__(self, panel):
        known = self.values(panel)
        known = known[np.isfinite(known)]
        return supply_chain_score(known[-1] if len(known) else np.nan)

    def values(self, panel):
        return panel.matrix((("NVDA", "revenue"),))[:, 0]

    def inputs(self, panel, quarter):
        return (panel.fact(("NVDA", "revenue"), quarter),)


class CitesTooLittle(Revenue):
    def values(self, panel):
        return panel.matrix((("NVDA", "revenue"), ("NVDA", "data_center_revenue"))).sum(axis=1)


class CitesTooMuch(Revenue):
    def inputs(self, panel, quarter):
        cited = panel.fact(("AMZN", "purchases_ppe"), quarter)
        return (*super().inputs(panel, quarter), *([cited] if cited else []))


class InventsAnInput(Revenue):
    def inputs(self, panel, quarter):
        return tuple(replace(fact, value=fact.value + 1) for fact in super().inputs(panel, quarter))


class WritesIntoThePanel(Revenue):
    def __call__(self, panel):
        panel.rows.loc[:, "value"] = panel.rows["value"] * 1.0001
        return supply_chain_score(panel.rows["value"].sum())


class Guesses(Revenue):
    def __call__(self, panel):
        return supply_chain_score(0.5)


class CountsCalls(Revenue):
    calls: ClassVar[list] = []

    def __call__(self, panel):
        self.calls.append(1)
        return supply_chain_score(float(len(self.calls)))


@dataclass
class CanBeSet:
    window: int = 4


HONEST = [
    check_inputs_are_figures_of_the_panel,
    check_known_when_the_last_input_was,
    check_unmoved_by_what_is_not_cited,
    check_parts_unmoved_by_what_is_not_cited,
    check_moved_by_what_is_cited,
    check_leaves_the_panel_as_it_was,
    check_returns_numbers,
]


@pytest.mark.parametrize("check", HONEST, ids=lambda check: check.__name__)
def test_an_honest_signal_passes(check, archive):
    check(Revenue(), archive.as_of(LATEST))


@pytest.mark.parametrize(
    ("faulty", "check", "complaint"),
    [
        (CitesTooLittle(), check_unmoved_by_what_is_not_cited, "moved by a figure not cited"),
        (CitesTooMuch(), check_moved_by_what_is_cited, "which moves nothing"),
        (InventsAnInput(), check_inputs_are_figures_of_the_panel, "the panel has"),
        (CountsCalls(), check_leaves_the_panel_as_it_was, "another answer the second time"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, Revenue) else "",
)
def test_a_signal_that_breaks_the_contract_is_caught(faulty, check, complaint, archive):
    with pytest.raises(AssertionError, match=complaint):
        check(faulty, archive.as_of(LATEST))


def test_a_signal_that_writes_into_the_panel_is_stopped_as_it_writes(archive):
    with pytest.raises((TypeError, ValueError), match=r"Invalid value|read-only"):
        check_leaves_the_panel_as_it_was(WritesIntoThePanel(), archive.as_of(LATEST))


def test_a_signal_that_guesses_is_caught_on_an_empty_panel(archive):
    with pytest.raises(AssertionError, match="an opinion on an empty panel"):
        check_has_no_opinion_without_knowledge(Guesses(), archive.as_of(pd.Timestamp("2022-01-03", tz="UTC")))


def test_a_signal_whose_field_can_be_set_is_caught():
    with pytest.raises(AssertionError, match="window can be set"):
        check_is_a_frozen_value(CanBeSet())


def test_scrambling_moves_what_it_should(archive):
    moment, end = pd.Timestamp("2024-06-03", tz="UTC"), pd.Timestamp("2026-06-30", tz="UTC")
    after = scrambled(archive, moment).as_of(end)
    unmoved = [name for name, signal in SIGNALS.items() if said_by(signal, archive.as_of(end)) == said_by(signal, after)]
    assert unmoved == []


def test_truncating_moves_what_it_should(archive):
    moment, end = pd.Timestamp("2024-06-03", tz="UTC"), pd.Timestamp("2026-06-30", tz="UTC")
    after = truncated(archive, moment).as_of(end)
    unmoved = [name for name, signal in SIGNALS.items() if said_by(signal, archive.as_of(end)) == said_by(signal, after)]
    assert unmoved == []
