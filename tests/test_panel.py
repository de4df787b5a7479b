import pickle
import re
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import exchange_calendars
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings

from backtest.calendars import parse_quarter, quarter_label
from backtest.data.sources import reference
from backtest.data.tables import parse_facts
from backtest.errors import ConfigurationError, StrategyError
from backtest.facts import assemble
from backtest.panel import Archive, Panel, once, unchanged
from backtest.signals import readings
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio
from backtest.signals.supply_chain_excess import SupplyChainExcess

CALENDARS = {market: exchange_calendars.get_calendar(market, start="2021-12-01", end="2026-12-31") for market in ("XSHG", "XNYS")}
KEY = ["entity", "metric", "period"]


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def moments():
    """Any minute of 2022 to 2026."""
    return st.integers(0, 5 * 365 * 24 * 60).map(lambda minutes: utc("2022-01-01") + pd.Timedelta(minutes=minutes))


# What no Archive may do: each check raises AssertionError. The closes come from exchange_calendars, not from the Archive.


def check_no_figure_is_shown_early(archive, moment):
    rows = archive.as_of(moment).rows
    assert (rows["known_at"] <= moment).all(), "a figure that was not yet known"
    for message in rows["published"].unique():
        day = pd.Timestamp(message[:10], tz="UTC")
        assert day <= moment, "a figure that was not yet published"
        assert "T" in message or day + pd.Timedelta(days=1) <= moment, "a figure dated today, without a time"


def check_every_known_figure_is_shown_in_its_newest_version(archive, moment):
    facts = archive.facts.rows
    known = facts[facts["known_at"] <= moment]
    newest = known.groupby(KEY)["known_at"].max()
    shown = archive.as_of(moment).rows.set_index(KEY)["known_at"]
    assert shown.index.is_unique, "a figure stands twice"
    assert shown.sort_index().equals(newest.sort_index()), "a known figure is missing or outdated"


def last_closed(market, moment):
    """Return the last session of a market that had closed by a moment."""
    closes = CALENDARS[market].closes
    return closes.index[closes.searchsorted(moment, side="right") - 1]


def check_no_price_is_shown_before_its_session_closed(archive, moment):
    shown = archive.as_of(moment).prices
    for ticker in shown.columns:
        label = shown[ticker].last_valid_index()
        if label is None:
            continue
        assert label <= last_closed(archive.prices.market[ticker], moment), f"{ticker} of {label:%Y-%m-%d}"


def check_every_closed_price_is_shown(archive, moment):
    shown, held = archive.as_of(moment).prices, archive.prices.wealth
    for market, calendar in CALENDARS.items():
        columns = [ticker for ticker in held.columns if archive.prices.market[ticker] == market]
        closed = held.index[held.index.isin(calendar.sessions) & (held.index <= last_closed(market, moment))]
        pd.testing.assert_frame_equal(shown.reindex(closed)[columns], held.loc[closed, columns], check_freq=False)


CHECKS = [
    check_no_figure_is_shown_early,
    check_every_known_figure_is_shown_in_its_newest_version,
    check_no_price_is_shown_before_its_session_closed,
    check_every_closed_price_is_shown,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=25)
@given(moment=moments())
@example(moment=utc("2024-03-05 07:00"))
@example(moment=utc("2024-03-05 20:59"))
@example(moment=utc("2024-03-05 21:00"))
@example(moment=utc("2024-10-04 20:00"))
@example(moment=utc("2024-03-28 20:00"))
@example(moment=utc("2023-08-24 00:00"))
def test_at_any_moment_a_panel_shows_what_was_known_and_nothing_else(archive, check, moment):
    check(archive, moment)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_at_twenty_odd_hours_a_panel_shows_what_was_known_and_nothing_else(archive, check, moments):
    for moment in moments:
        check(archive, moment)


def caught(check, archive, moments):
    """Return the moments at which a check fails."""
    found = []
    for moment in moments:
        try:
            check(archive, moment)
        except AssertionError:
            found.append(moment)
    return found


def test_a_cut_by_the_end_of_the_period_is_caught(archive, cut_by_period_end, moments):
    faulty = cut_by_period_end(archive.facts, archive.prices)
    assert caught(check_no_figure_is_shown_early, faulty, moments) == moments


def test_prices_one_session_ahead_are_caught(archive, one_session_ahead, moments):
    faulty = one_session_ahead(archive.facts, archive.prices)
    assert caught(check_no_price_is_shown_before_its_session_closed, faulty, moments) == moments


# One day, two markets


@pytest.mark.parametrize(
    ("moment", "shanghai", "new_york"),
    [
        ("2024-03-05T06:59Z", "2024-03-04", "2024-03-04"),
        ("2024-03-05T07:00Z", "2024-03-05", "2024-03-04"),
        ("2024-03-05T08:00Z", "2024-03-05", "2024-03-04"),
        ("2024-03-05T20:59Z", "2024-03-05", "2024-03-04"),
        ("2024-03-05T21:00Z", "2024-03-05", "2024-03-05"),
        ("2024-10-02T21:00Z", "2024-09-30", "2024-10-02"),  # Golden Week
        ("2024-11-29T18:00Z", "2024-11-29", "2024-11-29"),  # half a day in New York
        ("2024-11-29T17:59Z", "2024-11-29", "2024-11-27"),
        ("2024-02-16T21:00Z", "2024-02-08", "2024-02-16"),  # Spring Festival
        ("2024-03-29T20:00Z", "2024-03-29", "2024-03-28"),  # Good Friday
    ],
)
def test_each_market_shows_its_own_last_closed_session(archive, moment, shanghai, new_york):
    prices = archive.as_of(pd.Timestamp(moment)).prices
    last = [f"{prices[ticker].last_valid_index():%Y-%m-%d}" for ticker in ("300308.SZ", "NVDA")]
    assert last == [shanghai, new_york]


def test_shanghai_closes_before_new_york_opens_on_the_same_label():
    close = CALENDARS["XSHG"].session_close("2024-03-05").astimezone(ZoneInfo("America/New_York"))
    assert f"{close:%Y-%m-%d %H:%M}" == "2024-03-05 02:00"


def test_what_was_traded_is_kept_by_market_so_that_none_shows_a_later_close_of_another(archive):
    panel = archive.as_of(utc("2024-07-02T10:00"))  # Shanghai has closed, New York has not opened
    for tables in (panel._traded.close, panel._traded.volume):
        for market, table in tables.items():
            assert {archive.prices.market[ticker] for ticker in table.tickers} == {market}
            assert len(table.values) == len(table.sessions)
            assert table.sessions[-1] <= last_closed(market, panel.moment)
    assert panel.turnover("300308.SZ").index[-1] == pd.Timestamp("2024-07-02")
    assert panel.turnover("NVDA").index[-1] < pd.Timestamp("2024-07-02")


def test_before_the_first_close_there_is_no_price(archive):
    assert archive.as_of(utc("2022-01-01")).prices.empty


def test_before_the_first_publication_there_is_no_figure(archive):
    panel = archive.as_of(utc("2021-04-01"))
    assert (len(panel.rows), len(panel.quarters)) == (0, 0)


def test_an_accelerator_is_shown_from_its_announcement(archive):
    shown = [set(archive.as_of(utc(day)).accelerators["chip"]) for day in ("2022-03-22T23:59", "2022-03-23")]
    assert shown[1] - shown[0] == {"H100 SXM5"}


def test_an_accelerator_announced_again_is_shown_as_last_announced(archive):
    chips = archive.facts.accelerators
    again = chips[chips["chip"] == "H100 SXM5"].assign(known_at=utc("2023-06-01"), scale_up_domain=72.0)
    archive = replace(archive, facts=replace(archive.facts, accelerators=pd.concat([chips, again], ignore_index=True)))
    shown = [archive.as_of(utc(day)).accelerators.set_index("chip") for day in ("2023-05-31", "2023-06-01")]
    assert [table.at["H100 SXM5", "scale_up_domain"] for table in shown] == [8.0, 72.0]


@pytest.mark.parametrize(
    ("quarter", "chip"),
    [
        ("2020Q3", None), ("2020Q4", "A100 SXM 80GB"), ("2022Q3", "A100 SXM 80GB"), ("2022Q4", "H100 SXM5"),
        ("2024Q2", "H200 SXM"), ("2024Q4", "GB200 NVL72"), ("2030Q4", "GB300 NVL72"),
    ],
)  # fmt: skip
def test_a_vendors_flagship_is_the_one_it_shipped_last_by_the_quarter(archive, quarter, chip):
    """As of June 2026 NVIDIA's next, Rubin, is planned and has not shipped in any quarter."""
    found = archive.as_of(utc("2026-06-30")).flagship("NVIDIA", parse_quarter(quarter))
    assert (found.chip if found else None) == chip


# What a panel promises


def test_a_matrix_cannot_be_written_to(archive):
    table = archive.as_of(utc("2024-06-03")).matrix((("NVDA", "revenue"),))
    with pytest.raises(ValueError, match="read-only"):
        table[0, 0] = 1.0


def test_a_field_of_a_panel_cannot_be_replaced(archive):
    panel = archive.as_of(utc("2024-06-03"))
    for field in fields(Panel):
        with pytest.raises(AttributeError):
            setattr(panel, field.name, None)


def test_the_prices_of_a_panel_cannot_be_written_through_their_array(archive):
    with pytest.raises(ValueError, match="read-only"):
        archive.as_of(utc("2024-06-03")).prices.to_numpy()[0, 0] = 1.0


def test_a_market_that_lags_costs_no_copy_of_the_prices_where_none_of_its_tickers_is_shown():
    """At 21:00 on Friday 2024-02-16, Spring Festival, Shanghai's last session is eight days before New York's."""
    archive = Archive(reference.load_facts(), reference.load_prices(["NVDA"]))
    shown, later = (archive.as_of(utc(moment)).prices for moment in ("2024-02-16T21:00", "2024-03-01T21:00"))
    assert shown.index[-1] == pd.Timestamp("2024-02-16")
    assert np.shares_memory(shown.to_numpy(), later.to_numpy())


def test_writing_into_a_panels_tables_reaches_neither_the_archive_nor_the_next_panel(archive):
    moment = utc("2024-06-03")
    before = archive.as_of(moment)
    prices, rows = before.prices.copy(), before.rows.copy()
    spoilt = archive.as_of(moment)
    spoilt.prices.iloc[:, :] = 1.0
    with pytest.raises((TypeError, ValueError), match=r"Invalid value|read-only"):
        spoilt.rows.loc[:, "value"] = 1.0
    pd.testing.assert_frame_equal(archive.as_of(moment).prices, prices)
    pd.testing.assert_frame_equal(archive.as_of(moment).rows, rows)


def test_a_matrix_has_a_row_per_quarter_and_a_column_per_series_in_the_order_asked(archive):
    panel = archive.as_of(utc("2024-06-03"))
    table = panel.matrix((("NVDA", "revenue"), ("AMZN", "purchases_ppe")))
    at = int(np.flatnonzero(panel.quarters == parse_quarter("2024Q1"))[0])
    assert table.shape == (len(panel.quarters), 2)
    assert list(table[at]) == [26044, 14925]


def test_what_was_not_known_is_no_number_in_a_matrix(archive):
    panel = archive.as_of(utc("2024-05-22T23:59"))
    at = int(np.flatnonzero(panel.quarters == parse_quarter("2024Q1"))[0])
    assert np.isnan(panel.matrix((("NVDA", "revenue"),))[at, 0])


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (
            ("NVDA", "dc_networking_revenue"),
            "no metric of NVDA 'dc_networking_revenue'; did you mean 'data_center_networking_revenue'?",
        ),
        (("MSTF", "purchases_ppe"), "no entity 'MSTF'; did you mean 'MSFT'?"),
        (("amzn", "purchases_ppe"), "no entity 'amzn'; did you mean 'AMZN'?"),
    ],
)
@pytest.mark.parametrize("lookup", [lambda panel, one: panel.matrix((one,)), lambda panel, one: panel.fact(one, 8099)])
def test_a_series_nobody_publishes_is_refused_with_a_near_miss(lookup, series, words, archive):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        lookup(archive.as_of(utc("2024-06-03")), series)


@pytest.mark.parametrize(
    ("lookup", "words"),
    [
        (lambda panel: panel.published("token_per_month"), "no metric 'token_per_month'; did you mean 'tokens_per_month'?"),
        (lambda panel: panel.flagships("NVIDEA"), "no vendor 'NVIDEA'; did you mean 'NVIDIA'?"),
        (lambda panel: panel.chip("H100 SXM6"), "no chip 'H100 SXM6'; did you mean 'H100 SXM5'?"),
    ],
)
def test_a_metric_vendor_or_chip_that_no_row_has_is_refused_with_a_near_miss(lookup, words, archive):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        lookup(archive.as_of(utc("2024-06-03")))


def test_a_name_that_becomes_known_later_is_unknown_before_and_not_refused(archive):
    panel = archive.as_of(utc("2022-02-01"))
    assert np.isnan(panel.matrix((("NVDA", "dc_hyperscale_revenue_v1"),))).all()
    assert panel.fact(("NVDA", "dc_hyperscale_revenue_v1"), 8099) is None
    assert panel.chip("B300 (HGX)") is None


def test_a_copy_of_the_figures_with_fewer_rows_keeps_the_names_of_all(archive):
    early = replace(archive.facts, rows=archive.facts.rows.iloc[:5])
    panel = Archive(early, archive.prices).as_of(utc("2026-06-30"))
    assert np.isnan(panel.matrix((("AMZN", "purchases_ppe"),))).all()


def test_one_metric_in_two_units_is_not_added_up(archive):
    units = {("SNDK", "revenue"): "USD_m", ("300308.SZ", "revenue"): "CNY_m"}
    facts = replace(archive.facts, names=replace(archive.facts.names, units=units))
    panel = Archive(facts, archive.prices).as_of(utc("2026-06-30"))
    words = "revenue of 300308.SZ is in CNY_m, of SNDK in USD_m; expected one unit"
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        panel.matrix(tuple(units))


def test_the_quarters_of_a_panel_rise_by_one(archive, moments):
    for moment in moments:
        assert set(np.diff(archive.as_of(moment).quarters)) <= {1}


def test_the_same_matrix_is_given_twice(archive):
    panel = archive.as_of(utc("2024-06-03"))
    series = (("NVDA", "revenue"), ("AMZN", "purchases_ppe"))
    assert panel.matrix(series) is panel.matrix(series)


@pytest.mark.parametrize("order", [1, -1], ids=["earlier first", "later first"])
def test_of_two_periods_in_one_quarter_the_one_that_ends_last_is_shown(archive, order):
    rows = [fact_row("A", "2024-05", "2024-05-31", "2024-08-01", 1), fact_row("A", "2024-06", "2024-06-30", "2024-08-01", 2)]
    panel = of_rows(archive, rows[::order]).as_of(utc("2024-09-01"))
    assert panel.fact(("A", "revenue"), parse_quarter("2024Q2")).value == 2


def test_the_data_id_names_figures_and_prices(archive):
    assert archive.data_id == f"{archive.facts.data_id}-{archive.prices.data_id}"


@pytest.mark.parametrize("missing", [False, True], ids=["every row has a text", "a row has none"])
def test_a_text_that_is_changed_in_the_figures_is_noticed(archive, missing):
    rows = archive.facts.rows.copy()
    if missing:
        rows.loc[3, "note"] = np.nan
    held = Archive(replace(archive.facts, rows=rows), archive.prices)
    with unchanged(held, "strategy mine"):
        pass
    with pytest.raises(StrategyError, match="strategy mine: figures or prices are no longer"), unchanged(held, "strategy mine"):
        rows.loc[5, "note"] = f"{rows.at[5, 'note']}!"


# The latest complete quarter


def fact_row(entity, period, period_end, known_at, value, metric="revenue"):
    return {
        "entity": entity, "metric": metric, "period": period, "period_end": period_end, "known_at": known_at,
        "value": str(value), "unit": "USD_m", "evidence": "reported", "confidence": "high", "source": "made up", "note": "",
    }  # fmt: skip


def of_rows(archive, rows):
    """Return an archive whose only figures are these rows."""
    table = pd.DataFrame(rows, index=pd.RangeIndex(2, len(rows) + 2), dtype=str)
    return replace(
        archive, facts=assemble([parse_facts(table, "made up.csv")], archive.facts.accelerators, archive.facts.events, "0")
    )


def grown(entity, metric, first):
    """Return six quarters of a figure, 2023Q1 to 2024Q2, each known a month after its end."""
    ends = ["2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30"]
    known = ["2023-04-30", "2023-07-31", "2023-10-31", "2024-01-31", "2024-04-30", "2024-07-31"]
    return [
        fact_row(entity, f"{end[:4]}-{end[5:7]}", end, when, first + 10 * step, metric)
        for step, (end, when) in enumerate(zip(ends, known, strict=True))
    ]


EXCESS = SupplyChainExcess(leaders=("L",), clouds=("C",))


def test_the_newest_announcement_of_an_old_quarter_does_not_make_it_the_latest(archive):
    rows = [*grown("L", "revenue", 100), *grown("C", "purchases_ppe", 200)]
    restated = fact_row("L", "2024-03", "2024-03-31", "2024-09-15", 190)
    panel = of_rows(archive, [*rows, restated]).as_of(utc("2024-10-01"))
    # 2024Q2 over 2023Q2: 150/110 - 250/210
    assert list(readings(EXCESS, panel)) == ["2024Q1", "2024Q2"]
    assert EXCESS(panel).iloc[0] == pytest.approx(150 / 110 - 250 / 210)


def test_a_restated_quarter_is_read_in_its_new_version(archive):
    rows = [*grown("L", "revenue", 100), *grown("C", "purchases_ppe", 200)]
    restated = fact_row("L", "2024-03", "2024-03-31", "2024-09-15", 190)
    archive = of_rows(archive, [*rows, restated])
    found = [readings(EXCESS, archive.as_of(utc(day)))["2024Q1"] for day in ("2024-09-15", "2024-09-16")]
    assert [reading.value for reading in found] == pytest.approx([140 / 100 - 240 / 200, 190 / 100 - 240 / 200])
    assert [reading.known_at for reading in found] == ["2024-04-30", "2024-09-15"]


def test_a_quarter_is_the_latest_only_when_every_entity_has_published_it(archive):
    rows = [*grown("L", "revenue", 100), *grown("C", "purchases_ppe", 200)]
    late = [row | {"known_at": "2024-08-20"} if row["entity"] == "C" and row["period"] == "2024-06" else row for row in rows]
    archive = of_rows(archive, late)
    found = [list(readings(EXCESS, archive.as_of(utc(day)))) for day in ("2024-08-20", "2024-08-21")]
    assert found == [["2024Q1"], ["2024Q1", "2024Q2"]]


def test_as_of_early_june_2024_the_latest_complete_quarter_is_the_first_of_2024(archive):
    # Oracle published its quarter to 2024-05-31 on 2024-06-11, before anybody else's second quarter.
    for day in ("2024-06-03", "2024-06-12"):
        panel = archive.as_of(utc(day))
        assert list(readings(RevenueCapexRatio(), panel))[-1] == "2024Q1"
    assert quarter_label(int(panel.quarters[-1])) == "2024Q2"


def test_an_archive_is_opened_by_as_of_alone():
    """Beside it, `to_frame` counts the sessions of each ticker for who looks at the archive in a notebook."""
    public = {name for name, member in vars(Archive).items() if callable(member) and not name.startswith("_")}
    assert public == {"as_of", "to_frame"}


@pytest.mark.parametrize(("writeable", "shared"), [(False, True), (True, False)])
def test_prices_in_memory_that_nothing_can_write_are_shown_without_a_copy(writeable, shared):
    prices = reference.load_prices(["NVDA"])
    body = prices.wealth.to_numpy().T.tobytes()
    values = np.frombuffer(bytearray(body) if writeable else body).reshape(1, -1)
    values.flags.writeable = False
    wealth = pd.DataFrame(values.T, prices.wealth.index, prices.wealth.columns, copy=False)
    shown = Archive(reference.load_facts(), replace(prices, wealth=wealth)).as_of(utc("2024-06-03")).prices
    assert np.shares_memory(shown.to_numpy(), values) == shared
    pd.testing.assert_frame_equal(shown, prices.wealth.loc[:"2024-06-03"].iloc[: len(shown)])


def test_of_a_range_that_was_published_again_the_last_edition_by_the_moment_is_shown(archive):
    ranges = archive.facts.ranges
    first = ranges[ranges["item"].eq("optics")].iloc[:1]
    later = first.assign(low=1.0, high=3.0, known_at=first["known_at"] + pd.Timedelta(days=90))
    twice = pd.concat([ranges, later], ignore_index=True).sort_values("known_at", kind="stable", ignore_index=True)
    again, key = (
        Archive(replace(archive.facts, ranges=twice), archive.prices),
        first.iloc[0][["subject", "metric", "period"]].tolist(),
    )
    for moment, low in ((first["known_at"].iloc[0], first["low"].iloc[0]), (later["known_at"].iloc[0], 1.0)):
        shown = again.as_of(moment).ranges_of("optics")
        assert {one.item for one in shown} == {"optics"}
        assert [one.low for one in shown if [one.subject, one.metric, one.period] == key] == [low]


def test_what_a_panel_keeps_for_itself_makes_it_no_other(archive):
    panel = archive.as_of("2025-06-30")
    assert replace(panel) == panel


def test_what_is_made_of_a_whole_archive_is_made_once_for_each_of_its_kind_and_not_pickled(archive):
    opened, made = Archive(archive.facts, archive.prices), []

    def make(what):
        made.append(what)
        return what

    for of in (1, 2, 1, 2):
        assert once(opened, "all", of, lambda of=of: make(of)) == of
    assert once(opened, "others", 1, lambda: make("other")) == "other"
    for of in (1, 1, 2, 1):
        assert once(opened, "newest", of, lambda of=of: make(-of), most=1) == -of
    assert made == [1, 2, "other", -1, -2, -1]
    assert once(pickle.loads(pickle.dumps(opened)), "all", 1, lambda: "again") == "again"
    assert once(Archive(archive.facts, archive.prices), "all", 1, lambda: "again") == "again"
