"""Who holds a signal back, since when, and what the names that are known would say; and that no decision hears of it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from support.markets import spec_of
from support.signal_checks import scrambled

from backtest import decisions
from backtest.analysis.staleness import Staleness, sentence, signals_read, staleness
from backtest.calendars import as_of_moment
from backtest.decisions import decide
from backtest.signals import QuarterlySignal, load_signals, newest
from backtest.signals.multiplier import Multiplier
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio
from backtest.signals.scale_up_bandwidth import ScaleUpBandwidth
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.signals.theme_trends import ThemeTrends
from backtest.thesis import load_thesis
from backtest.weights import Gate

HELD = as_of_moment("2026-09-20")  # 300394.SZ has no figure of 2026Q2, the other three leaders and the clouds have
SESSIONS = pd.DatetimeIndex(["2026-08-03", "2026-08-31", "2026-09-18", "2026-09-21"])


def on(archive, moment=HELD):
    return archive.as_of(moment)


def test_a_signal_that_waits_for_one_leader_names_it_and_shows_what_the_other_three_say(archive):
    row = staleness(SupplyChainExcess(), on(archive))
    assert (row.quarter, row.waits_for, row.missing) == ("2026Q1", "2026Q2", ("300394.SZ revenue",))
    assert (row.known, row.of, row.since) == (7, 8, "2026-08-25")
    assert (row.value, row.nowcast) == (pytest.approx(0.448, abs=5e-4), pytest.approx(0.363, abs=5e-4))


def test_a_nowcast_is_the_growth_of_the_known_names_above_that_of_the_clouds_in_every_quarter(archive):
    """Computed anew from the figures: three leaders over their own quarter of the year before, less the four clouds."""
    panel = on(archive)
    three, four = (("300308.SZ", "300502.SZ", "002463.SZ"), "revenue"), (("AMZN", "GOOGL", "MSFT", "META"), "purchases_ppe")

    def growth(entities, metric, quarter):
        now, before = (sum(panel.fact((entity, metric), at).value for entity in entities) for at in (quarter, quarter - 4))
        return now / before - 1.0

    row = staleness(SupplyChainExcess(), panel)
    for figure, quarter in ((row.nowcast, 2026 * 4 + 1), (row.matched, 2026 * 4)):
        assert figure == pytest.approx(growth(*three, quarter) - growth(*four, quarter), abs=1e-12)


@pytest.mark.parametrize(("stated", "held"), [("2026-07-31", False), ("2026-08-14", False), ("2026-08-26", True)])
def test_a_quarter_of_which_no_more_is_known_than_missing_holds_nothing_back(archive, stated, held):
    """Until late August no leader has published 2026Q2, while the clouds have: 2026Q1 is simply the newest."""
    row = staleness(SupplyChainExcess(), on(archive, as_of_moment(stated)))
    assert (row is not None and row.missing == ("300394.SZ revenue",)) == held


def test_what_a_signal_can_do_without_does_not_hold_it_back_and_a_role_of_one_name_has_no_nowcast(archive):
    """The share of 2026Q2 is not disclosed by then either, but the last disclosed one counts."""
    row = staleness(RevenueCapexRatio(), on(archive, as_of_moment("2026-08-14")))
    assert (row.missing, row.known, row.nowcast, row.matched) == (("NVDA data_center_revenue",), 5, None, None)


def test_several_names_may_hold_a_signal_back(archive):
    row = staleness(Multiplier(), on(archive))
    assert row.missing == ("NVDA data_center_compute_revenue", "300394.SZ revenue")
    assert row.nowcast is not None


def without(panel, *gone):
    """The same panel without the figures of some entities and metrics in a quarter."""
    keys = pd.MultiIndex.from_frame(panel.rows[["entity", "metric", "quarter"]])
    return replace(panel, rows=panel.rows[~keys.isin(gone)])


def test_a_role_whose_labels_stand_for_its_series_one_by_one_is_never_cut(archive):
    row = staleness(ScaleUpBandwidth(), without(on(archive), ("AMD", "data_center_segment_revenue", 2026 * 4 + 1)))
    assert (row.missing, row.nowcast) == (("AMD data_center_segment_revenue",), None)


def test_a_role_that_would_lose_more_than_half_of_its_names_has_no_nowcast(archive):
    gone = [(entity, "revenue", 2026 * 4 + 1) for entity in ("300308.SZ", "300502.SZ")]
    row = staleness(SupplyChainExcess(), without(on(archive), *gone))
    assert (len(row.missing), row.known, row.nowcast) == (3, 5, None)


def test_a_signal_that_is_up_to_date_is_not_held_back(archive):
    panel = without(on(archive), *((entity, "purchases_ppe", 2026 * 4 + 1) for entity in ("AMZN", "GOOGL", "MSFT", "META")))
    assert staleness(SupplyChainExcess(), panel) is None


@dataclass(frozen=True)
class Fussy(SupplyChainExcess):
    """A signal that refuses fewer names than four."""

    def values(self, panel):
        if len(panel.series(self.leaders, "revenue")) < 4:
            raise ValueError("four are needed")
        return super().values(panel)


def test_a_signal_that_cannot_do_with_fewer_names_has_no_nowcast_and_stops_nothing(archive):
    row = staleness(Fussy(), on(archive))
    assert (row.missing, row.nowcast) == (("300394.SZ revenue",), None)


def test_signals_of_another_thesis_are_held_back_by_their_own_names(tickers):
    from backtest.data.archive import load_archive

    thesis = load_thesis("memory")
    panel = load_archive(["MU"], thesis=thesis).as_of(as_of_moment("2026-09-20"))
    signal = load_signals(thesis)["maker_share"]
    position = int(np.flatnonzero(np.isfinite(signal.values(panel)))[-1])
    entity, metric = panel.series("makers", "revenue")[0]
    row = staleness(signal, without(panel, (entity, metric, int(panel.quarters[position]))))
    assert row.missing == (f"{entity} {metric}",)
    assert row.nowcast is not None


# Nothing later than the panel, and nothing in a decision


@pytest.mark.parametrize("stated", ["2024-08-15", "2026-08-31"])
def test_nothing_of_it_moves_when_everything_later_is_scrambled(archive, stated):
    at = as_of_moment(stated)
    panels = [each.as_of(at) for each in (archive, scrambled(archive, at))]
    quarterly = [signal for signal in load_signals(archive.thesis).values() if isinstance(signal, QuarterlySignal)]
    before, after = ([staleness(signal, panel) for signal in quarterly] for panel in panels)
    assert any(before)
    assert before == after


def test_the_check_finds_a_panel_that_shows_figures_before_they_are_published(archive, cut_by_period_end):
    at = as_of_moment("2026-08-21")
    early = [
        staleness(SupplyChainExcess(), cut_by_period_end(each.facts, each.prices).as_of(at))
        for each in (archive, scrambled(archive, at))
    ]
    assert early[0] != early[1]


def decided(archive, signal=None):
    spec = spec_of(
        baskets=("leaders",), base="CNY", signals=(signal or SupplyChainExcess(),), weights=Gate(above=0.4), rebalance="weekly"
    )
    return [decision.targets for decision in decide(spec, "leaders", archive, archive.thesis.universe, SESSIONS)]


@dataclass(frozen=True)
class Nowcasting(SupplyChainExcess):
    """The fault: a signal that answers with its nowcast."""

    def __call__(self, panel):
        row = staleness(SupplyChainExcess(), panel)
        return newest(self.values(panel)) if row is None or row.nowcast is None else newest(np.array([row.nowcast]))


def test_no_decision_uses_a_nowcast(archive, monkeypatch):
    """At 0.4 the value in use holds the leaders and the nowcast would not: with one planted the decisions differ."""
    honest = decided(archive)
    assert all(honest)
    for session in SESSIONS:
        assert staleness(SupplyChainExcess(), archive.as_of(as_of_moment(f"{session:%Y-%m-%d}"))) != 0
    assert decided(archive) == honest
    assert decided(archive, Nowcasting()) != honest
    monkeypatch.setattr(decisions, "scores_of", lambda signal, panel: Nowcasting()(panel))
    planted = decided(archive)
    assert planted[0] == honest[0]
    assert planted[-1] == {} != honest[-1]


# What is said of it


def test_a_sentence_says_who_since_when_and_that_no_decision_uses_the_nowcast():
    row = Staleness("2026Q1", 0.4476, "2026Q2", ("AAA revenue",), 7, 8, "2026-08-25", 0.3626, 0.5016)
    assert sentence("Growth", row) == (
        "Growth is held back: decisions use its value of 2026Q1 (+0.448), because AAA revenue of 2026Q2 is missing, while "
        "the other 7 of 8 series are public since 2026-08-25. Nowcast of 2026Q2 from the names that are known: "
        "+0.363, where they gave +0.502 for 2026Q1; no decision uses it."
    )
    alone = replace(row, nowcast=None, matched=None)
    assert sentence("Growth", alone).endswith("No nowcast: without it a part of the signal has too few names left.")


def test_signals_that_decisions_rest_on_are_a_strategys_own_and_every_trend_of_one_that_reads_loadings():
    thesis = load_thesis()
    assert signals_read((SupplyChainExcess(),), ("supply_chain_excess",), thesis) == ("supply_chain_excess",)
    trends = signals_read((ThemeTrends(),), ("theme_trends",), thesis)
    assert set(trends) == {row.trend for row in thesis.loadings}
