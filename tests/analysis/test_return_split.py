"""What carried a return: against answers worked by hand, exact everywhere, from what was known at both ends and nothing later."""

import csv
import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.signal_checks import scrambled, truncated

from backtest.analysis.held import Panels
from backtest.analysis.levels import place_in_chain
from backtest.analysis.return_split import Holding, return_split
from backtest.analysis.split_rows import last_label, term_rows, turned_out, unlike
from backtest.analysis.trailing import End, trailing_years
from backtest.cli.app import main
from backtest.data.archive import load_archive
from backtest.output.split_document import split_document
from backtest.output.split_lines import signed, split_lines
from backtest.panel import Archive
from backtest.runs.return_splits import basket_of, explain
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parent.parent / "answers" / "return_split.csv"
SPANS = [("2023-03-31", "2023-06-30"), ("2023-12-29", "2024-06-28"), ("2025-03-31", "2025-07-23"), ("2025-07-25", "2026-06-26")]
EXACT = 1e-12


def rows():
    with ANSWERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def archives(archive):
    memory = load_thesis("memory")
    return {"interconnect": archive, "memory": load_archive(list(memory.universe.market_and_currency()), thesis=memory)}


@pytest.fixture(scope="module")
def split_of(archives):
    made = {}

    def of(name, first, last, thesis="interconnect"):
        key = name, first, last, thesis
        if key not in made:
            made[key] = split_in(archives[thesis], name, first, last)
        return made[key]

    return of


def split_in(archive, name, first, last):
    return explain(basket_of(archive.thesis.universe, name), archive, date.fromisoformat(first), date.fromisoformat(last))


def term(split, name):
    return split.terms.levels[name] if name in split.terms.levels else getattr(split.terms, name)


# Answers


def test_every_answer_follows_from_its_working():
    for row in rows():
        again = eval(row["working"], {"__builtins__": {}, "ln": math.log})
        assert again == pytest.approx(float(row["value"]), rel=1e-12, abs=1e-14), row


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['name']} {row['from']} {row['term']}")
def test_a_term_is_what_was_worked_by_hand(split_of, row):
    split = split_of(row["name"], row["from"], row["to"], row["thesis"])
    assert term(split, row["term"]) == pytest.approx(float(row["value"]), abs=1e-9)
    if row["quarters"]:
        assert [span[-6:] for span in split.names[row["name"]].quarters] == row["quarters"].split()


def test_ten_name_windows_are_worked_two_with_losses_one_with_a_one_off_and_one_in_won(split_of):
    windows = {(row["name"], row["from"], row["to"], row["thesis"]) for row in rows()}
    splits = [split_of(*window) for window in windows]
    assert len(windows) == 10
    assert (
        sum(any("a loss over four quarters" in text for text in split.left_out.values()) or loss(split) for split in splits) == 2
    )
    assert [split.one_offs for split in splits if split.one_offs] != []
    assert [split.summed for split in splits if split.currency == "KRW"] == [("000660.KS",)]


def loss(split):
    return any("a loss" in text for name in split.names.values() for text in name.missing)


# The figures that were known before this was written


def test_since_the_report_innolight_rose_by_earnings_and_re_rating_alike(split_of):
    split = split_of("300308.SZ", "2025-07-25", "2026-06-26")
    assert math.exp(split.terms.wealth) == pytest.approx(6.8, rel=0.02)
    assert math.exp(split.terms.wealth - split.terms.rerating) == pytest.approx(2.6, rel=0.02)
    assert math.exp(split.terms.rerating) == pytest.approx(2.6, rel=0.02)


def test_nvidia_earned_twice_as_much_at_half_the_rating(split_of):
    terms = split_of("NVDA", "2025-07-25", "2026-06-26").terms
    assert [round(math.exp(x), 1) for x in (terms.wealth, terms.wealth - terms.rerating, terms.rerating)] == [1.1, 2.1, 0.5]


@pytest.mark.parametrize(("basket", "share"), [("optical", 0.39), ("PCB", 0.79)])
def test_as_a_mean_of_names_the_rise_of_early_2024_was_re_rating_by_39_to_79_percent(split_of, basket, share):
    names = [name.terms for name in split_of(basket, "2023-12-29", "2024-06-28").names.values() if name.terms.revenue is not None]
    assert np.mean([1 - (one.revenue + one.currency) / one.wealth for one in names]) == pytest.approx(share, abs=0.015)


# Exact everywhere


def terms_of(split):
    return [split.terms, *(name.terms for name in split.names.values())]


@pytest.mark.parametrize("thesis", ["interconnect", "memory"])
def test_terms_add_up_for_every_name_basket_and_window(archives, split_of, thesis):
    universe = archives[thesis].thesis.universe
    names = [row.name for row in universe.baskets] + [row.ticker for row in universe.suppliers]
    counted = 0
    for first, last in [*SPANS, ("2024-02-10", "2025-01-01")]:
        for name in names:
            if not priced(archives[thesis], name, first):
                continue
            split = split_of(name, first, last, thesis)
            for terms in (*terms_of(split), *terms_of(split.hindsight)):
                if terms.added:
                    counted += 1
                    assert abs(terms.residual) < EXACT, (name, first, terms)
            if split.parts and split.parts.names is not None:
                parts = split.parts
                assert parts.names + parts.weights + parts.other == pytest.approx(split.terms.rerating, abs=EXACT)
    assert counted > 200


def priced(archive, name, day):
    members = basket_of(archive.thesis.universe, name).members
    return any(len(archive.prices.traded(ticker)) and archive.prices.traded(ticker)[0] <= pd.Timestamp(day) for ticker in members)


def test_where_no_name_is_re_rated_the_names_part_is_nothing_whatever_the_weights(archive):
    """Prices that follow profits exactly: what is left of the last term is the weights', and none of it re-rating."""
    days = [pd.Timestamp("2023-12-29"), pd.Timestamp("2024-06-28")]
    panels = Panels(archive, pd.Timestamp("2024-07-01", tz="UTC"))
    ends = tuple(End(day, panels.at_close(day, ["XSHG"])) for day in days)
    names = ("300308.SZ", "300502.SZ", "300394.SZ")
    profits = {
        name: [trailing_years(end, [(name, "revenue"), (name, "net_profit")], "CNY")[1].money for end in ends] for name in names
    }
    grown = {name: math.log(after / before) for name, (before, after) in profits.items()}
    holding = Holding("CNY", 0.4, {"300308.SZ": 0.1, "300502.SZ": 0.1, "300394.SZ": 0.8}, grown)
    parts = return_split(holding, ends, archive.thesis).parts
    assert parts.names == pytest.approx(0, abs=EXACT)
    assert abs(parts.weights) > 0.01


# What was known, and nothing later


def cited(split):
    levels = [fact for level in split.levels for fact in level.facts]
    return [*levels, *(fact for name in split.names.values() for fact in name.facts)]


def known_then(archive, name, first, last):
    return replace(split_in(archive, name, first, last), hindsight=None)


@pytest.mark.parametrize("name", ["optical", "NVDA", "ASIC"])
def test_a_split_is_the_same_when_everything_later_is_scrambled_or_not_there(archive, name):
    moment = max(of_market["2025-07-23"] for of_market in archive.prices.closes.values() if "2025-07-23" in of_market.index)
    then = known_then(archive, name, "2025-03-31", "2025-07-23")
    assert then.terms.added
    assert repr(known_then(scrambled(archive, moment), name, "2025-03-31", "2025-07-23")) == repr(then)
    assert all(fact.known_at <= moment for fact in cited(then))
    cut = truncated(archive, moment)
    closed = replace(cut, prices=replace(cut.prices, closes=archive.prices.closes))
    assert repr(known_then(closed, name, "2025-03-31", "2025-07-23").terms) == repr(then.terms)


class CutByPeriodEnd(Archive):
    """Shows a figure as soon as its period has ended, published or not."""

    def as_of(self, moment):
        rows = self.facts.rows
        ended = rows[rows["period_end"] <= moment.tz_localize(None)]
        return replace(super().as_of(moment), rows=ended.drop_duplicates(["entity", "metric", "period"], keep="last"))


def test_a_panel_that_shows_figures_before_they_were_published_moves_the_split(archive):
    early = CutByPeriodEnd(archive.facts, archive.prices)
    then = known_then(archive, "300308.SZ", "2025-03-31", "2025-07-23")
    assert known_then(early, "300308.SZ", "2025-03-31", "2025-07-23").terms != then.terms


def test_removing_a_row_moves_what_cites_it_and_nothing_else(archive):
    first, last = "2025-07-25", "2026-06-26"
    before = known_then(archive, "optical", first, last)
    groups = {level.key: level.facts for level in before.levels}
    lowest = {"capex": {"chips"}, "chips": {"capex", "interconnect"}}
    figures = archive.facts.rows
    for key, facts in groups.items():
        fact = next(fact for fact in facts if fact.metric != "per_usd")
        same = (figures["entity"] == fact.entity) & (figures["metric"] == fact.metric) & (figures["period"] == fact.period)
        facts_left = replace(archive.facts, rows=figures[~same].reset_index(drop=True))
        after = known_then(replace(archive, facts=facts_left), "optical", first, last)
        moved = {name for name in before.terms.levels if after.terms.levels[name] != before.terms.levels[name]}
        assert key in moved
        if key in lowest:
            assert moved <= lowest[key] | {key}
            assert (after.terms.margin, after.terms.rerating, after.parts) == (
                before.terms.margin,
                before.terms.rerating,
                before.parts,
            )
            assert after.names == before.names


@pytest.mark.parametrize(("entity", "metric"), [("MU", "revenue"), ("COHR", "net_profit"), ("300308.SZ", "net_profit")])
def test_removing_a_row_that_nothing_cites_moves_nothing(archive, entity, metric):
    before = split_in(archive, "002463.SZ", "2025-03-31", "2025-07-23")
    assert entity not in {fact.entity for fact in cited(before) if fact.metric == metric}
    figures = archive.facts.rows
    left = figures[(figures["entity"] != entity) | (figures["metric"] != metric)].reset_index(drop=True)
    after = split_in(replace(archive, facts=replace(archive.facts, rows=left)), "002463.SZ", "2025-03-31", "2025-07-23")
    assert repr(after) == repr(before)


# What cannot be had


def test_at_the_end_of_march_2023_a_year_of_three_series_is_missing(archive):
    end = End(
        pd.Timestamp("2023-03-31"),
        Panels(archive, pd.Timestamp("2023-04-01", tz="UTC")).at_close(pd.Timestamp("2023-03-31"), ["XNYS"]),
    )
    for series in [("300502.SZ", "revenue"), ("002463.SZ", "revenue")]:
        assert (
            trailing_years(end, [series], "USD")
            == f"{series[0]} revenue: no four quarters in a row by 2023-03-31 (3 known, to 2022Q3)"
        )
    assert trailing_years(end, [("AVGO", "ai_semiconductor_revenue")], "USD").startswith(
        "AVGO ai_semiconductor_revenue: no figure by"
    )


def test_revenue_is_of_the_quarters_whose_profit_is_out(split_of):
    """WUS has revenue of 2026Q2 and no profit of it: both are those to 2026Q1, or its margin would fall by an eighth."""
    quarters = split_of("002463.SZ", "2025-07-23", "2026-09-21").names["002463.SZ"].quarters
    assert quarters[1] == "2025Q2 to 2026Q1"


def test_where_profit_is_missing_or_a_loss_the_last_two_terms_are_one(split_of):
    for name, reason in (("603228.SS", "603228.SS net_profit: no figure"), ("LITE", "a loss over four quarters at an end")):
        split = split_of(name, "2024-06-28", "2025-06-30")
        assert (split.terms.basis, split.terms.margin) == ("revenue", None)
        assert reason in split.refused["margin"]
        assert last_label(split) == "wealth over revenue (margin, re-rating)"


def test_where_only_profit_is_known_profit_and_re_rating_are_shown(split_of):
    split = split_of("AVGO", "2025-07-23", "2025-12-31")
    assert [row.key for row in term_rows(split)] == ["profit", "rerating", "wealth"]
    assert "AVGO revenue: no figure" in split.refused["revenue"]
    assert split.one_offs == (
        "AVGO net_profit FY2024Q3: a loss through a tax charge on moving intellectual property to the United States",
    )


def test_clouds_and_funds_are_not_split_and_say_why(split_of):
    for name in ("hyperscaler", "AMZN", "SMH", "510300.SS"):
        split = split_of(name, "2025-03-31", "2025-07-23")
        assert (split.terms.added, split.terms.residual) == ((), None)
        assert split.refused["split"] == "no name has four quarters of revenue or profit, and a price, at both ends"


def test_a_chip_vendor_hangs_on_the_chips_and_a_server_maker_on_nothing(archive, split_of):
    assert list(split_of("NVDA", "2025-07-25", "2026-06-26").terms.levels) == ["capex", "chips"]
    assert split_of("601138.SS", "2025-07-25", "2026-06-26").terms.levels == {}
    levels = archive.thesis.levels
    assert [place_in_chain(themes, levels) for themes in (["optical"], ["optical", "GPU"], ["optical", "server"], [])] == [
        3,
        2,
        0,
        0,
    ]


def test_a_level_of_which_too_little_is_known_is_refused_and_the_next_term_spans_it(split_of):
    split = split_of("us_optical", "2023-03-31", "2023-06-30")
    assert split.terms.levels["interconnect"] is None
    assert "300502.SZ revenue: no four quarters in a row by 2023-03-31" in split.refused["interconnect"]
    assert {row.key: row.label for row in term_rows(split)}["share"] == "names over chips"


def test_a_year_long_past_is_not_taken_for_one_that_is_known(archive):
    panel = archive.as_of(pd.Timestamp("2027-06-30", tz="UTC"))
    missing = trailing_years(End(pd.Timestamp("2027-06-30"), panel), [("300308.SZ", "revenue")], "USD")
    assert missing == "300308.SZ revenue: the last year known by 2027-06-30 ends with 2026Q2; expected a later one"


def test_hindsight_waits_for_the_quarter_it_needs(split_of):
    split = split_of("300394.SZ", "2025-07-23", "2026-09-21")
    assert split.hindsight.terms.basis == "none"
    assert "the quarter after 2026Q1, half over on 2026-09-21, is not known" in split.hindsight.left_out["300394.SZ"]
    assert turned_out(split) is None


@pytest.mark.parametrize(("days", "refused"), [(46, False), (47, True), (60, True), (61, True)])
def test_hindsight_is_refused_from_the_day_on_which_the_next_quarter_is_half_over(archive, days, refused):
    """Of a quarter that ends on 30 September 45 days are left on 16 August: the year to June is no hindsight any more."""
    panel, day = archive.as_of(pd.Timestamp("2026-09-20", tz="UTC")), pd.Timestamp("2026-06-30") + pd.Timedelta(days=days)
    found = trailing_years(End(day, panel, hindsight=True), [("300308.SZ", "revenue")], "USD")
    words = f"300308.SZ revenue: the quarter after 2026Q2, half over on {day:%Y-%m-%d}, is not known"
    assert found == words if refused else found[0].span == "2025Q3 to 2026Q2"


def test_hindsight_says_what_of_the_re_rating_turned_out_to_be_growth(split_of):
    split = split_of("300308.SZ", "2025-07-25", "2026-06-26")
    assert split.hindsight.names["300308.SZ"].quarters == ("2024Q3 to 2025Q2", "2025Q3 to 2026Q2")
    now, then = turned_out(split)
    assert now - then == pytest.approx(split.terms.rerating - split.hindsight.terms.rerating)
    assert now - then > 0.1


def words_of(split, archive):
    return " ".join(split_lines("split", split, archive.thesis).split())


def test_a_term_with_hindsight_of_another_basis_is_a_dash_with_its_reason(archive, split_of):
    """At the start the year with hindsight has no profit, so its last term is wealth over revenue."""
    split = split_of("LITE", "2025-09-30", "2026-06-26")
    assert (split.terms.basis, split.hindsight.terms.basis) == ("profit", "revenue")
    reason = "with hindsight by revenue, as known then by profit"
    assert {key: unlike(split)[key] for key in ("margin", "rerating")} == {"margin": reason, "rerating": reason}
    assert {"revenue", "currency"}.isdisjoint(unlike(split))
    text = words_of(split, archive)
    assert f"No hindsight beside margin, earnings, rerating: {reason}." in text
    assert f"{signed(split.hindsight.terms.rerating)} {math.exp(split.hindsight.terms.rerating):.2f}" not in text
    assert split_document(split)["hindsight"]["refused"]["rerating"].endswith(reason)


def test_other_names_or_levels_with_hindsight_are_dashes(split_of):
    split = split_of("300308.SZ", "2025-07-25", "2026-06-26")
    assert unlike(split) == {}
    lost = tuple(replace(level, growth=None) if level.key == "chips" else level for level in split.hindsight.levels)
    assert set(unlike(replace(split, hindsight=replace(split.hindsight, levels=lost)))) == {"interconnect"}
    book = unlike(split_of("optical", "2025-07-25", "2026-06-26"))
    assert set(book) == {"share", "revenue", "currency", "margin", "earnings", "rerating", "names", "weights", "other"}
    assert set(book.values()) == {"with hindsight over 300308.SZ, 300502.SZ"}


def test_the_sentence_of_hindsight_says_of_only_where_it_is_a_part(archive, split_of):
    part = words_of(split_of("300308.SZ", "2025-07-25", "2026-06-26"), archive)
    assert "of what was re-rating on the day was growth that nobody had published yet" in part
    split = split_of("300308.SZ", "2025-07-25", "2026-06-26")
    shrunk = replace(split, terms=replace(split.terms, wealth=split.terms.wealth - split.terms.rerating, rerating=0.0))
    assert "Growth with hindsight is" in words_of(shrunk, archive)
    assert "nobody had published yet" not in words_of(shrunk, archive)
    avgo = split_of("AVGO", "2024-06-28", "2025-06-30")
    assert any(name.one_offs for view in (avgo, avgo.hindsight) for name in view.names.values())
    assert turned_out(avgo) is None


def test_a_profit_near_zero_at_an_end_is_flagged(archive, split_of):
    split = split_of("LITE", "2025-09-30", "2026-06-26")
    (text,) = split.names["LITE"].thin
    assert text.startswith("LITE 2024Q3 to 2025Q2: profit is 1.6% of revenue, below 2%")
    assert f"Near zero: {text}." in words_of(split, archive)
    assert split_document(split)["names"]["LITE"]["thin"] == [text]
    assert split_of("NVDA", "2025-07-25", "2026-06-26").names["NVDA"].thin == ()


# The command


def shown(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["explain", *arguments])
    out = capsys.readouterr()
    return ended.value.code, out.out, out.err


def test_the_command_prints_the_object_of_the_report(capsys):
    code, text, _ = shown(capsys, "300308.SZ", "--from", "2025-07-25", "--to", "2026-06-26", "--json")
    document = json.loads(text)
    terms = ("capex", "chips", "interconnect", "share", "currency", "margin", "rerating")
    assert code == 0
    assert sum(document[name] for name in terms) == pytest.approx(document["wealth"], abs=EXACT)
    assert {"residual", "coverage", "names"} <= set(document)
    assert abs(document["residual"]) < EXACT


@pytest.mark.parametrize("name", ["601138.SS", "us_network_copper"])
def test_no_line_is_longer_than_eighty_columns(capsys, name):
    code, text, _ = shown(capsys, name, "--from", "2024-12-31", "--to", "2025-06-30")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80


def test_the_table_fits_into_eighty_columns_and_says_what_its_last_term_hides(capsys):
    code, text, _ = shown(capsys, "PCB", "--from", "2024-01-01", "--to", "2024-06-30")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert "Dividends and new shares lie in the last term" in " ".join(text.split())
    assert "of it re-rating of the names" in text
    assert "Missing: 603228.SS net_profit: no figure." in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nvdia"], 2, "no ticker, basket or strategy 'nvdia'"),
        (["NVDA", "--from", "2025-07-25", "--to", "2025-07-25"], 2, "expected a day after --from"),
        (["NVDA", "--from", "25-07-2025"], 2, "--from is '25-07-2025'; expected a day like"),
        (["NVDA", "--from", "2021-01-01"], 3, "no session on or before 2021-01-01"),
        (["NVDA", "--from", "2100-01-01"], 3, "expected a span with a return"),
        (["NVDA", "--to", "2030-01-01"], 3, "the prices of NVDA end on"),
        (["ALAB", "--from", "2024-01-02"], 3, "no session on or before 2024-01-02"),
        (["NVDA", "--from", "2025-07-05", "--to", "2025-07-06"], 3, "expected a span with a return"),
    ],
)
def test_odd_names_and_days_are_one_line_with_a_code(capsys, arguments, code, words):
    ended, out, error = shown(capsys, *arguments)
    assert (ended, out) == (code, "")
    assert words in error
    assert error.count("\n") == 1
