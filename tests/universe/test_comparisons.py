"""What a book is compared with: rows of its baskets, and the rule where it holds several or none declares any."""

import shutil

import pytest

from backtest.errors import ConfigurationError
from backtest.thesis import load_thesis, shipped_theses
from backtest.universe.benchmarks import OF_ITS_MARKET, UNDECLARED, Comparison, comparisons


def row(ticker, matched=False, reason="sector"):
    return Comparison(ticker=ticker, matched=matched, reason=reason)


def summary(compared):
    return [(each.ticker, each.matched) for each in compared]


@pytest.mark.parametrize("thesis", shipped_theses())
def test_every_basket_of_a_shipped_thesis_declares_its_benchmarks(thesis):
    assert [basket.name for basket in load_thesis(thesis).universe.baskets if not basket.benchmarks] == []


@pytest.mark.parametrize("thesis", shipped_theses())
def test_a_matched_fund_is_of_the_market_of_more_than_half_of_the_members(thesis):
    universe = load_thesis(thesis).universe
    market = {fund.ticker: fund.market for fund in universe.benchmarks}
    for basket in universe.baskets:
        for compared in (each for each in basket.benchmarks if each.matched):
            there = sum(universe.supplier(ticker).market == market[compared.ticker] for ticker in basket.members)
            assert 2 * there > len(basket.members), (basket.name, compared.ticker)


def test_the_rows_of_a_basket_come_first_then_the_other_funds_of_its_market():
    found = comparisons({"a": [row("B", True), row("C")]}, {"a": 3}, ["A", "B", "C", "D"])
    assert summary(found) == [("B", True), ("C", False), ("A", False), ("D", False)]
    assert found[2].reason == OF_ITS_MARKET


def test_a_basket_without_a_declaration_takes_the_first_fund_of_its_market_unmatched_and_says_so():
    found = comparisons({"a": []}, {"a": 3}, ["A", "B"])
    assert summary(found) == [("A", False), ("B", False)]
    assert found[0].reason == UNDECLARED


def test_a_book_without_any_fund_has_nothing_to_be_compared_with():
    assert comparisons({"a": []}, {"a": 3}, []) == ()


def test_a_book_of_several_baskets_takes_the_fund_that_most_members_put_first():
    declared = {"a": [row("A", True)], "b": [row("B", True), row("A")], "c": [row("B", True)]}
    found = comparisons(declared, {"a": 4, "b": 3, "c": 2}, ["C"])
    assert summary(found) == [("B", True), ("A", False), ("C", False)]
    assert found[0].reason == "declared first for 5 of the 9 members of its baskets, matched for 5"


def test_of_equal_funds_that_of_the_earlier_basket_is_taken_and_half_of_the_members_is_no_match():
    found = comparisons({"a": [row("A", True)], "b": [row("B", True)]}, {"a": 2, "b": 2}, [])
    assert summary(found) == [("A", False), ("B", False)]


def test_a_rotation_over_two_markets_is_compared_with_one_fund_that_is_not_matched():
    first = load_thesis().universe.comparisons(("optical", "copper", "PCB", "GPU", "ASIC"))[0]
    assert (first.ticker, first.matched) == ("159915.SZ", False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('ticker = "159915.SZ"', 'ticker = "159916.SZ"', "no benchmark '159916.SZ'; did you mean '159915.SZ'?"),
        ('ticker = "515880.SS"', 'ticker = "159915.SZ"', "159915.SZ stands twice; expected each fund once"),
        ("matched = true, ", "", "benchmarks.0.matched; expected one, none is given"),
    ],
)
def test_a_wrong_row_is_refused_by_file_row_and_field(tmp_path, old, new, message):
    folder = shutil.copytree(load_thesis().folder, tmp_path / "thesis")
    path = folder / "baskets.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_thesis(folder)
    assert str(refusal.value).startswith("baskets.toml row 1: benchmarks")
    assert message in str(refusal.value)
