import shutil
import tomllib
from datetime import date

import pandas as pd
import pytest
from pydantic import ValidationError

from backtest.errors import ConfigurationError
from backtest.thesis import load_thesis
from backtest.universe import Supplier

FOLDER = load_thesis().folder
ROWS = {
    kind: tomllib.loads((FOLDER / f"{kind}s.toml").read_text(encoding="utf-8"))[kind]
    for kind in ("supplier", "basket", "benchmark")
}


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "universe")


def rewrite(folder, file, old, new):
    """Replace the first occurrence of a text in a file, which must hold it."""
    before = (folder / file).read_text(encoding="utf-8")
    assert old in before
    (folder / file).write_text(before.replace(old, new, 1), encoding="utf-8")


def refused(folder):
    with pytest.raises(ConfigurationError) as refusal:
        load_thesis(folder)
    return str(refusal.value)


# What is embedded


@pytest.mark.parametrize("kind", ROWS)
def test_every_row_is_loaded_in_the_order_of_its_file(kind):
    loaded = getattr(load_thesis().universe, f"{kind}s")
    field = "ticker" if kind in ("supplier", "benchmark") else "name"
    assert [getattr(row, field) for row in loaded] == [row[field] for row in ROWS[kind]]


@pytest.mark.parametrize("kind", ROWS)
def test_every_row_names_its_source(kind):
    assert [row for row in ROWS[kind] if not row.get("source", "").strip()] == []


def test_every_member_of_a_basket_is_a_supplier():
    known = {row["ticker"] for row in ROWS["supplier"]}
    assert {ticker for row in ROWS["basket"] for ticker in row["members"]} <= known


def test_no_basket_holds_a_name_twice():
    assert [row["name"] for row in ROWS["basket"] if len(set(row["members"])) < len(row["members"])] == []


@pytest.mark.parametrize("kind", ["supplier", "benchmark"])
def test_a_ticker_says_where_it_trades_and_in_what(kind):
    for row in ROWS[kind]:
        chinese = row["ticker"].endswith((".SS", ".SZ"))
        assert (row["market"], row["currency"]) == (("XSHG", "CNY") if chinese else ("XNYS", "USD"))


def test_the_basket_of_the_reports_names_holds_those_and_dates_from_the_report():
    row = load_thesis().universe.basket("report_names")
    assert set(row.members) == {"300308.SZ", "300502.SZ", "300913.SZ", "300476.SZ", "603228.SS"}
    assert row.chosen == date(2025, 7, 23)


def test_no_other_basket_claims_to_have_been_chosen_before_the_report():
    assert [row.name for row in load_thesis().universe.baskets if row.chosen < date(2025, 7, 23)] == []


def test_the_universe_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_thesis().universe.suppliers = ()


# Membership


@pytest.mark.parametrize(("day", "listed"), [("2024-03-19", False), ("2024-03-20", True), ("2026-06-30", True)])
def test_astera_labs_is_a_member_from_its_first_day_of_trading(day, listed):
    universe = load_thesis().universe
    assert ("ALAB" in universe.members(universe.basket("us_network_copper"), pd.Timestamp(day))) == listed


def test_members_keep_the_order_of_their_basket():
    universe = load_thesis().universe
    day = pd.Timestamp("2022-01-27")
    assert universe.members(universe.basket("us_network_copper"), day) == ("ANET", "APH", "CRDO")


@pytest.mark.parametrize(
    ("day", "listed"),
    [("2023-01-01", False), ("2023-01-02", True), ("2023-06-29", True), ("2023-06-30", False), ("2024-01-01", False)],
)
def test_a_row_holds_from_since_to_the_day_before_until(day, listed):
    row = Supplier(
        ticker="X", name="X", market="XNYS", currency="USD", theme="GPU", source="made up",
        since=date(2023, 1, 2), until=date(2023, 6, 30),
    )  # fmt: skip
    assert row.listed(pd.Timestamp(day)) == listed


def test_a_name_leaves_every_basket_on_its_until(folder):
    rewrite(folder, "suppliers.toml", "since = 2024-03-20", "since = 2024-03-20\nuntil = 2025-03-20")
    universe = load_thesis(folder).universe
    days = ["2024-03-19", "2024-03-20", "2025-03-19", "2025-03-20"]
    held = ["ALAB" in universe.members(universe.basket("us_network_copper"), pd.Timestamp(day)) for day in days]
    assert held == [False, True, True, False]


# Names a user types


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("opticl", "no basket 'opticl'; did you mean 'optical'?"),
        ("us_optics", "no basket 'us_optics'; did you mean 'us_optical'?"),
        ("zzzzz", "no basket 'zzzzz'; there are: ASIC, GPU, PCB, copper, "),
    ],
)
def test_a_basket_that_is_none_is_refused_with_a_hint(name, complaint):
    with pytest.raises(ConfigurationError) as refusal:
        load_thesis().universe.basket(name)
    assert str(refusal.value).startswith(complaint)


def test_a_supplier_that_is_none_is_refused_with_a_hint():
    with pytest.raises(ConfigurationError, match=r"no supplier 'NVDAA'; did you mean 'NVDA'\?"):
        load_thesis().universe.supplier("NVDAA")


def test_a_ticker_is_a_basket_of_one_in_its_own_currency():
    row = load_thesis().universe.basket("300308.SZ")
    assert (row.members, row.currency) == (("300308.SZ",), "CNY")


def test_every_supplier_and_benchmark_has_a_market_and_a_currency():
    found = load_thesis().universe.market_and_currency()
    assert set(found) == {row["ticker"] for kind in ("supplier", "benchmark") for row in ROWS[kind]}
    assert (found["300308.SZ"], found["SMH"]) == (("XSHG", "CNY"), ("XNYS", "USD"))


# Refusals


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("suppliers.toml", "since = 2022-01-01", 'since = 2022-01-01\ncolour = "red"', "suppliers.toml row 1: colour is 'red'; "),
        ("suppliers.toml", 'market = "XSHG"', 'market = "XHKG"', "suppliers.toml row 1: market is 'XHKG'; "),
        ("suppliers.toml", 'theme = "optical"', 'theme = "optics"', "suppliers.toml row 1: theme: no theme 'optics'; "),
        ("suppliers.toml", "since = 2022-01-01\n", "", "suppliers.toml row 1: since; "),
        ("suppliers.toml", 'ticker = "ALAB"\n', "", "suppliers.toml row 33: ticker; "),
        ("baskets.toml", "chosen = 2026-11-23\nsource = ", "chosen = 2026-11-23\nnote = ", "baskets.toml row 1: source; "),
        ("baskets.toml", '["NVDA", "AMD"]', "[]", "baskets.toml row 4: members is []; "),
        (
            "benchmarks.toml",
            "charted = true\nsource = ",
            "charted = true\nnote = ",
            "benchmarks.toml row 1: source; ",
        ),
    ],
)
def test_a_bad_row_is_refused_by_file_row_and_field(folder, file, old, new, complaint):
    rewrite(folder, file, old, new)
    assert refused(folder).startswith(complaint)


def test_an_until_before_its_since_is_refused_by_file_row_and_field(folder):
    rewrite(folder, "suppliers.toml", "since = 2022-01-01", "since = 2022-01-01\nuntil = 2021-12-31")
    assert refused(folder) == "suppliers.toml row 1: until is 2021-12-31; expected a day after since (2022-01-01)"


def test_an_unknown_member_is_refused_by_file_row_and_field_with_a_hint(folder):
    rewrite(folder, "baskets.toml", '["NVDA", "AMD"]', '["NVDIA", "AMD"]')
    message = refused(folder)
    assert message.startswith("baskets.toml row 4: members")
    assert message.endswith("no supplier 'NVDIA'; did you mean 'NVDA'?")


@pytest.mark.parametrize(
    ("file", "old", "new", "start"),
    [
        ("suppliers.toml", 'ticker = "300502.SZ"', 'ticker = "300308.SZ"', "suppliers.toml row 2: ticker"),
        ("baskets.toml", 'name = "copper"', 'name = "optical"', "baskets.toml row 2: name"),
        ("benchmarks.toml", 'ticker = "QQQ"', 'ticker = "SMH"', "benchmarks.toml row 8: ticker"),
    ],
)
def test_a_name_that_stands_twice_is_refused_by_file_row_and_field(folder, file, old, new, start):
    rewrite(folder, file, old, new)
    assert refused(folder).startswith(start)


def test_a_benchmark_that_contradicts_a_supplier_of_the_same_ticker_is_refused(folder):
    rewrite(
        folder,
        "benchmarks.toml",
        'ticker = "SMH"\nname = "SMH semiconductors"\nmarket = "XNYS"',
        'ticker = "NVDA"\nname = "SMH semiconductors"\nmarket = "XSHG"',
    )
    assert "NVDA" in refused(folder)


def test_a_row_under_a_misspelt_heading_is_refused_not_left_out(folder):
    rewrite(folder, "baskets.toml", "[[basket]]", "[[baskt]]")
    assert refused(folder).startswith("baskets.toml")


@pytest.mark.parametrize("kind", ["supplier", "basket"])
def test_a_missing_file_is_named_with_its_folder(folder, kind):
    (folder / f"{kind}s.toml").unlink()
    assert refused(folder) == f"{kind}s.toml: no such file in {folder}"


def test_a_file_that_is_no_toml_is_refused_by_name_and_line(folder):
    line = (folder / "baskets.toml").read_text(encoding="utf-8").splitlines().index("[[basket]]") + 1
    rewrite(folder, "baskets.toml", "[[basket]]", "[[basket")
    message = refused(folder)
    assert message.startswith("baskets.toml: ")
    assert f"line {line}" in message


def test_a_file_that_is_not_utf8_is_refused_by_name(folder):
    (folder / "baskets.toml").write_bytes(b"# \xff\n" + (folder / "baskets.toml").read_bytes())
    assert refused(folder).startswith("baskets.toml: ")


def test_one_row_in_place_of_a_list_is_refused(folder):
    rewrite(folder, "baskets.toml", "[[basket]]", "[basket]")
    assert refused(folder).startswith("baskets.toml: ")
