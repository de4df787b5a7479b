"""A look-ahead ends the audit with exit code 4 and the signal, the session and the row; an honest strategy passes."""

from dataclasses import dataclass, field, fields, replace

import pandas as pd
import pytest
from support.markets import NOWHERE, STRATEGIES, day, days, prices_of, spec_of

from backtest import runs
from backtest.audits import replay
from backtest.audits.masking import masked_after, masked_rows
from backtest.audits.replay import TomorrowsClose, canary_is_caught, replay_decisions
from backtest.decisions import decide, decision_sessions, run_sessions
from backtest.errors import DataError, LookAheadError
from backtest.panel import Archive, Panel
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.weights import Equal, Gate

pytestmark = pytest.mark.slow

LAST = day("2026-05-29")
UNIVERSE = load_thesis().universe
HELD: dict[str, Archive] = {}


@dataclass(frozen=True)
class Everything:
    """A score that moves with every figure a Panel shows."""

    def __call__(self, panel: Panel) -> pd.Series:
        return pd.Series([float(panel.rows["value"].sum())], index=["supply_chain"])


@dataclass(frozen=True)
class LastPrice:
    """A score that moves with the last price a Panel shows of one ticker."""

    def __call__(self, panel: Panel) -> pd.Series:
        return pd.Series([float(panel.prices["NVDA"].ffill().iloc[-1])], index=["supply_chain"])


@dataclass(frozen=True)
class FromAGlobal:
    """A signal that reads tomorrow's close from an archive in a global."""

    def __call__(self, panel: Panel) -> pd.Series:
        return TomorrowsClose(HELD["archive"], "NVDA")(panel)


@dataclass(frozen=True)
class ChipsToCome:
    """A signal that counts the chips there will ever be, through an archive that has been looked into before."""

    archive: Archive = field(hash=False, compare=False, repr=False)

    def __call__(self, panel: Panel) -> pd.Series:
        return pd.Series([len(self.archive.as_of(pd.Timestamp("2100-01-01", tz="UTC")).chips) / 1000.0], index=["supply_chain"])


TABLES_OF_THE_ARCHIVE = {
    "bars": lambda archive: archive.prices.bars.close["NVDA"].dropna(),
    "opens": lambda archive: archive.prices.bars.open["NVDA"].dropna(),
    "rates": lambda archive: archive.prices.rates,
    "events": lambda archive: archive.facts.events["known_at"],
    "ranges": lambda archive: archive.facts.ranges["known_at"],
}


@dataclass(frozen=True)
class AllThereIs:
    """A signal that counts the rows of a table of its archive, later ones too."""

    archive: Archive = field(hash=False, compare=False, repr=False)
    table: str

    def __call__(self, panel: Panel) -> pd.Series:
        return pd.Series([len(TABLES_OF_THE_ARCHIVE[self.table](self.archive)) / 1e6], index=["supply_chain"])


@dataclass(frozen=True)
class Peeking(Equal):
    """A weighting, not a signal, that looks at the last price there will ever be."""

    archive: Archive = field(hash=False, compare=False, kw_only=True)

    def __call__(self, scores, members):
        rose = float(self.archive.prices.wealth["NVDA"].dropna().iloc[-1]) > 1000.0
        return {"NVDA": 1.0 if rose else 0.5}


class SameDay(Archive):
    """Shows at the close whatever is published later that day."""

    def as_of(self, moment):
        rows = self.facts.rows
        known = rows[rows["known_at"] <= moment.normalize() + pd.Timedelta(days=1)]
        return replace(super().as_of(moment), rows=known.drop_duplicates(["entity", "metric", "period"], keep="last"))


class RevisedEarly(Archive):
    """Shows a figure's last revision from the day of its first publication."""

    def as_of(self, moment):
        key = ["entity", "metric", "period"]
        panel = super().as_of(moment)
        newest = self.facts.rows.drop_duplicates(key, keep="last")
        known = panel.rows[key].merge(newest, on=key)
        return replace(panel, rows=known)


def watching(**changes: object):
    return spec_of(**({"signals": (Everything(),), "weights": Gate()} | changes))


def caught(spec, archive, universe=UNIVERSE) -> str:
    with pytest.raises(LookAheadError) as error:
        replay_decisions(spec, archive, universe, LAST)
    assert error.value.exit_code == 4
    assert "\n" not in str(error.value)
    return str(error.value)


def corrected(archive: Archive) -> Archive:
    """The archive with one of Amazon's figures of 2023 restated in 2025."""
    rows = archive.facts.rows
    one = rows[(rows["entity"] == "AMZN") & (rows["metric"] == "purchases_ppe") & (rows["period_end"] == "2023-12-31")].tail(1)
    later = one.assign(value=one["value"] * 2, known_at=pd.Timestamp("2025-03-01", tz="UTC"), published="2025-02-28")
    later["origin"] = "capex.csv row 999"
    table = pd.concat([rows, later]).sort_values("known_at", kind="stable", ignore_index=True)
    return Archive(replace(archive.facts, rows=table), archive.prices)


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_every_strategy_of_the_project_decides_the_same_with_everything_later_hidden(archive, path):
    spec = load_strategy(path)
    assert replay_decisions(spec, archive, UNIVERSE, LAST) >= 12 * len(spec.books)


def test_a_signal_that_reads_every_figure_it_is_shown_passes(archive):
    assert replay_decisions(watching(), archive, UNIVERSE, LAST) > 30


def test_a_period_end_join_names_the_first_figure_used_before_its_publication(archive, cut_by_period_end):
    said = caught(watching(start="2024-01-01"), cut_by_period_end(archive.facts, archive.prices))
    assert "Everything on 2024-01-02 reads " in said
    row = said.split(" reads ")[1].split(" (")[0]
    rows = archive.facts.rows
    first = rows[(rows["period_end"] <= "2024-01-02") & (rows["known_at"] > "2024-01-02T21:00Z")].iloc[0]
    assert rows.loc[rows["origin"] == row, "known_at"].item() == first["known_at"]


def test_a_figure_of_after_the_close_used_at_the_close_is_named(archive):
    said = caught(watching(), SameDay(archive.facts, archive.prices))
    session = said.split(" on ")[1].split(" ")[0]
    assert f"known {session}" in said


def test_a_revised_value_used_early_is_named(archive):
    archive = corrected(archive)
    said = caught(watching(start="2024-01-01", end="2025-01-31"), RevisedEarly(archive.facts, archive.prices))
    assert "capex.csv row 999 (AMZN purchases_ppe" in said


def test_without_the_early_use_the_same_revision_passes(archive):
    assert replay_decisions(watching(start="2024-01-01"), corrected(archive), UNIVERSE, LAST) > 20


def test_prices_that_run_one_session_ahead_are_named(archive, one_session_ahead):
    said = caught(watching(signals=(LastPrice(),), start="2024-01-01"), one_session_ahead(archive.facts, archive.prices))
    assert "LastPrice on 2024-01-02 reads the price of NVDA on 2024-01-03" in said


def test_a_signal_that_keeps_the_archive_and_reads_tomorrow_is_named(archive):
    said = caught(watching(signals=(TomorrowsClose(archive, "NVDA"),), start="2024-01-01"), archive)
    assert "TomorrowsClose on 2024-01-02 reads the price of NVDA on 2024-01-03" in said


def test_a_look_from_before_the_cut_shows_nothing_within_it_nor_the_cut_anything_after_it(archive):
    whole = archive.as_of(LAST.tz_localize("UTC"))
    said = caught(watching(signals=(ChipsToCome(archive),), start="2024-01-01"), archive)
    assert "ChipsToCome on 2024-" in said
    assert "accelerators.csv row " in said
    fresh = Archive(archive.facts, archive.prices)
    with masked_after(day("2023-06-28").tz_localize("UTC")):
        assert len(fresh.as_of(LAST.tz_localize("UTC")).rows) < len(whole.rows)
    assert fresh.as_of(LAST.tz_localize("UTC")).rows.equals(whole.rows)


def test_an_archive_in_a_global_hides_nothing_from_the_audit(archive):
    HELD["archive"] = archive
    assert "FromAGlobal on 2024-01-02 reads" in caught(watching(signals=(FromAGlobal(),), start="2024-01-01"), archive)


def test_a_weighting_that_looks_ahead_is_named_too(archive):
    wealth = archive.prices.wealth.copy()
    wealth.loc[wealth.index > "2024-01-02", "NVDA"] += 2000.0
    prices = replace(archive.prices, wealth=wealth)
    archive = Archive(archive.facts, prices)
    said = caught(spec_of(weights=Peeking(archive=archive), start="2024-01-01"), archive)
    assert "Peeking on 2024-01-02 reads the price of NVDA on " in said


def test_a_member_since_before_its_listing_is_survivorship_and_named(archive):
    young = archive.prices.wealth["ALAB"].first_valid_index()
    rows = tuple(
        row.model_copy(update={"since": day("2022-01-01").date()}) if row.ticker == "ALAB" else row for row in UNIVERSE.suppliers
    )
    backdated = UNIVERSE.model_copy(update={"suppliers": rows})
    spec = spec_of(baskets=("ALAB",))
    said = caught(spec, archive, backdated)
    assert f"suppliers.toml row 'ALAB': since is 2022-01-01, its first price {young:%Y-%m-%d}" in said
    assert replay_decisions(spec.replaced(start="2024-06-01"), archive, UNIVERSE, LAST) > 10


def test_the_planted_canary_is_caught_in_every_strategy(archive, monkeypatch):
    monkeypatch.setattr(replay, "first_row", lambda *_: "its row")  # test_audit.py sees the command name it
    for path in STRATEGIES:
        assert "TomorrowsClose" in canary_is_caught(load_strategy(path), archive, UNIVERSE, LAST)


def test_when_prices_end_is_hidden_too_though_somebody_asked_before():
    index = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08")
    prices = prices_of({"NVDA": [1.0, 1.0, 1.0, 1.0, NOWHERE]}, {"NVDA": "XNYS"}, index)
    assert prices.last_session("NVDA", index[-1]) == day("2024-01-05")
    with masked_after(pd.Timestamp("2024-01-03 20:00", tz="UTC")):
        assert prices.last_session("NVDA", index[-1]) == day("2024-01-03")
    assert prices.last_session("NVDA", index[-1]) == day("2024-01-05")


def test_what_is_hidden_is_back_afterwards_and_complete_while_it_lasts(archive):
    moment = pd.Timestamp("2024-06-28T20:00Z")
    rows, wealth = archive.facts.rows, archive.prices.wealth
    with masked_after(moment):
        assert (archive.facts.rows["known_at"] <= moment).all()
        assert archive.prices.wealth.loc["2024-06-29":].isna().all().all()
        assert len(archive.facts.rows) == (rows["known_at"] <= moment).sum()
    assert archive.facts.rows is rows
    assert archive.prices.wealth is wealth
    facts = archive.facts
    later_rows = sum((table["known_at"] > moment).sum() for table in (rows, facts.accelerators, facts.events, facts.ranges))
    later_prices = wealth.loc["2024-06-29":].notna().sum().sum()
    later_rates = archive.prices.rates.loc["2024-06-28":].notna().sum().sum()  # a day's rate is known when the day has ended
    assert len(masked_rows(archive, moment)) == later_rows + later_prices + later_rates


def test_the_session_by_session_decision_is_the_engine_s_own(archive):
    spec = load_strategy(STRATEGIES[0])
    book = next(iter(spec.books))
    sessions = run_sessions(archive.prices, spec.tickers(book, UNIVERSE), pd.Timestamp(spec.start), LAST)
    all_at_once = decide(spec, book, archive, UNIVERSE, sessions)
    assert [one.session for one in all_at_once] == list(decision_sessions(spec.rebalance, sessions))
    assert runs.named_signals(spec, load_thesis())


def test_a_run_of_one_decision_is_too_short_to_audit_and_says_so(archive):
    spec = spec_of(start="2026-08-03", rebalance="quarterly")
    with pytest.raises(DataError, match="by_hand: one decision from 2026-08-03 to 2026-08-31; expected two to audit"):
        canary_is_caught(spec, archive, UNIVERSE, day("2026-08-31"))


def test_every_table_of_facts_and_prices_is_hidden_by_name(archive):
    with masked_after(pd.Timestamp("2000-01-01", tz="UTC")):
        facts, prices = ({one.name: getattr(part, one.name) for one in fields(part)} for part in (archive.facts, archive.prices))
    tables = {name: value for name, value in (facts | prices).items() if isinstance(value, pd.DataFrame | pd.Series)}
    tables |= {f"bars.{name}": table for name, table in vars(prices["bars"]).items()}
    assert len(tables) == 11
    assert [name for name, table in tables.items() if len(table.dropna(how="all"))] == []


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("bars", "the price of"),
        ("opens", "the price of"),
        ("rates", "the rate of"),
        ("events", "the event of"),
        ("ranges", "the range of"),
    ],
)
def test_a_signal_that_keeps_the_archive_is_cut_off_from_every_table_of_it(archive, table, row):
    spec = watching(signals=(AllThereIs(archive, table),), start="2026-01-02", end="2026-03-31")
    message = caught(spec, archive)
    assert "AllThereIs on 2026-01-02 reads " + row in message


def test_prices_of_the_same_sessions_are_hidden_by_their_own_closes(archive):
    """Found when masks were shared: those of the prices that were read first hid too little of any that close later."""
    later = {market: closes + pd.Timedelta(days=400) for market, closes in archive.prices.closes.items()}
    late = replace(archive.prices, closes=later)
    moment = pd.Timestamp("2024-01-03 20:00", tz="UTC")
    with masked_after(moment):
        ours, theirs = archive.prices.wealth.last_valid_index(), late.wealth.last_valid_index()
    assert ours == pd.Timestamp("2024-01-03")
    assert theirs < pd.Timestamp("2023-01-01")


def test_bars_that_are_not_in_order_show_nothing_later(archive):
    close = archive.prices.bars.close
    turned = replace(archive.prices, bars=replace(archive.prices.bars, close=close.iloc[::-1]))
    with masked_after(pd.Timestamp("2024-01-03 20:00", tz="UTC")):
        shown = turned.bars.close.dropna(how="all")
    assert shown.index.max() == pd.Timestamp("2024-01-03")
