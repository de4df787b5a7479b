"""The largest order beside its session's volume, in shares whatever a source counts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.markets import INDEX, US, decided, eight, shares_of, spec_of, traded

from backtest.analysis.capacity import NO_ORDER, LargestOrder, capacity_sentence, largest_order
from backtest.data.overrides import Decisions, Volume
from backtest.data.volumes import volumes_in_shares
from backtest.runs import run

DAYS = pd.bdate_range("2024-01-01", periods=60)


def in_shares(volumes, *rows):
    table = pd.DataFrame({"close": 10.0, "volume": volumes}, DAYS[: len(volumes)])
    return volumes_in_shares({"AAA": table}, Decisions(rows))["AAA"].tolist()


# What a source counts


def test_a_volume_is_shares_where_no_row_says_otherwise_and_none_where_nothing_was_traded():
    volumes = in_shares([500.0, 700.0, 0.0, np.nan])
    assert volumes[:2] == [500.0, 700.0]
    assert np.isnan(volumes[2:]).all()


def test_a_row_says_what_a_volume_counts_and_from_when_to_when():
    row = Volume(ticker="AAA", shares=100, first=DAYS[3].date(), last=DAYS[4].date(), reason="lots")
    assert in_shares([1000.0] * 3 + [11.0, 9.0, 1000.0], row) == [1000.0] * 3 + [1100.0, 900.0, 1000.0]
    assert in_shares([10.0, 20.0], Volume(ticker="AAA", shares=100, reason="lots throughout")) == [1000.0, 2000.0]


def test_volumes_that_fall_to_a_hundredth_are_left_out_until_they_are_back():
    volumes = [1000.0, 1500.0, 800.0] * 10 + [11.0, 30.0, 9.0] + [1200.0]
    clear = in_shares(volumes)
    assert np.isnan(clear[30:33]).all()
    assert clear[:30] + clear[33:] == volumes[:30] + volumes[33:]


def test_ordinary_ups_and_downs_of_a_volume_are_kept():
    volumes = [1000.0, 8000.0, 300.0, 12000.0, 500.0, 100.0]
    assert in_shares(volumes) == volumes


def test_embedded_volumes_are_shares(archive):
    """The turnover of the STAR AI fund over the year to the report was 210m CNY a day, by what others publish."""
    prices, year = archive.prices, slice("2024-07-25", "2025-07-24")
    turnover = (prices.bars.close["588790.SS"] * prices.volume["588790.SS"]).loc[year].mean() / 1e6
    assert turnover == pytest.approx(210, rel=0.005)


def test_embedded_volumes_that_turn_to_lots_go_on_at_their_size(archive):
    """From 2026-06-15 the source counts lots; with its row the shares go on as they were."""
    volume = archive.prices.volume["300394.SZ"]
    before, after = volume.loc[:"2026-06-12"].dropna().tail(20), volume.loc["2026-06-15":].head(20)
    assert after.notna().all()
    assert 0.3 < after.median() / before.median() < 3.0


# The largest order


def with_volume(prices, **volumes):
    return replace(prices, volume=pd.DataFrame(volumes, INDEX, dtype=float))


def test_the_largest_order_is_the_largest_part_of_its_session_not_the_largest_order():
    """5,000 shares of 100,000 and 2,000 of 10,000: the second is a fifth of what was traded."""
    prices = with_volume(shares_of({US: eight(), "BBB": eight()}), AAA=eight(100_000.0), BBB=eight(10_000.0))
    outcome = traded(prices, decided(INDEX[0], {US: 0.5, "BBB": 0.2}))
    assert largest_order(outcome.orders, prices) == LargestOrder(pytest.approx(0.2), "BBB", f"{INDEX[1]:%Y-%m-%d}", "buy", 2, 2)


def test_an_order_on_a_session_without_a_volume_does_not_count():
    prices = with_volume(shares_of({US: eight(), "BBB": eight()}), AAA=eight(100_000.0), BBB=eight(np.nan))
    outcome = traded(prices, decided(INDEX[0], {US: 0.5, "BBB": 0.2}))
    assert largest_order(outcome.orders, prices) == LargestOrder(pytest.approx(0.05), US, f"{INDEX[1]:%Y-%m-%d}", "buy", 1, 2)


def test_where_no_volume_is_known_it_says_so():
    prices = shares_of({US: eight()})
    row = largest_order(traded(prices, decided(INDEX[0], {US: 0.5})).orders, prices)
    assert row == replace(NO_ORDER, of=1)
    assert capacity_sentence({"A": row}).endswith("No volume is known for the sessions of its orders.")


def test_of_several_books_the_sentence_names_the_largest_order_of_all():
    rows = {
        "A": LargestOrder(0.004, "AAA", "2024-01-02", "buy", 3, 4),
        "B": LargestOrder(0.25, "BBB", "2024-01-03", "sell", 2, 2),
    }
    assert capacity_sentence(rows) == (
        "Capacity is not modelled: an order moves no price, however large it is. The largest order was 25% of its session's "
        "volume (B, sell of BBB on 2024-01-03; the volume is known for 5 of 6 orders)."
    )
    assert "was 0.40% of its" in capacity_sentence({"A": rows["A"]})


def test_a_run_has_the_largest_order_of_its_book(archive):
    result = run(spec_of(baskets=("300394.SZ",), base="CNY", start="2026-05-06", end="2026-05-29", capital=1e8), archive)
    row, orders = result.books["300394.SZ"].largest_order, result.books["300394.SZ"].orders
    volume = archive.prices.volume["300394.SZ"].reindex(orders["session"]).to_numpy()
    assert row.share == pytest.approx((orders["shares"].to_numpy() / volume).max())
    assert (row.with_volume, row.of) == (len(orders), len(orders))
