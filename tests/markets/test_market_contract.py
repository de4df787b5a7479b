"""What every market keeps to, whoever wrote its rows: the shipped ones, and Hong Kong as a user would add it."""

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from backtest import calendars
from backtest.errors import ConfigurationError
from backtest.markets import Market, load_markets, sessions_a_year
from backtest.markets.currencies import DOLLAR, Currency, currency_of_rate, load_currencies, rate_ticker
from backtest.markets.rules import SIDES, RuleName
from backtest.thesis import load_thesis

HERE = Path(__file__).parent  # with XHKG.toml
MARKETS, CURRENCIES = load_markets(HERE), load_currencies(HERE)
FIRST, LAST = pd.Timestamp("2021-01-01"), pd.Timestamp("2026-12-31")
MEMORY = "from memory"


@pytest.fixture(params=sorted(MARKETS))
def market(request: pytest.FixtureRequest) -> Market:
    return MARKETS[request.param]


def test_the_markets_are_those_of_the_package_and_of_the_folder() -> None:
    assert sorted(load_markets()) == ["XKRX", "XNYS", "XSHG"]
    assert sorted(MARKETS) == ["XHKG", "XKRX", "XNYS", "XSHG"]


def test_its_calendar_reaches_over_the_years_of_our_prices(market: Market) -> None:
    assert market.calendar in calendars.calendar_names()
    assert market.last_day >= LAST
    assert len(market.sessions(FIRST, LAST)) == pytest.approx(6 * market.sessions_a_year, abs=12)


def test_its_closes_rise_and_fall_on_the_day_of_their_session_in_its_own_zone(market: Market) -> None:
    closes = market.closes(FIRST, LAST)
    local = pd.DatetimeIndex(closes).tz_convert(market.timezone)
    assert closes.is_monotonic_increasing
    assert closes.is_unique
    assert (local.tz_localize(None).normalize() == closes.index).all()
    usual = pd.Series(local.hour * 60 + local.minute)
    assert (usual == usual.mode()[0]).mean() > 0.95  # in summer as in winter


def test_its_closed_days_are_sessions_of_its_calendar_alone(market: Market) -> None:
    known = calendars.closes(market.calendar, FIRST, LAST).index
    assert all(day.weekday() < 5 and day in known for day in market.closed_days)
    assert not set(market.closed_days) & set(market.sessions(FIRST, LAST))


def test_its_sessions_a_year_are_those_of_its_calendar(market: Market) -> None:
    counted = len(market.sessions(pd.Timestamp("2022-01-01"), pd.Timestamp("2025-12-31"))) / 4
    assert market.sessions_a_year == pytest.approx(counted, abs=2)


def test_its_currency_is_a_row(market: Market) -> None:
    assert market.currency in CURRENCIES


@pytest.mark.parametrize("rule", get_args(RuleName))
def test_every_rule_has_a_value_on_every_session_and_board(market: Market, rule: RuleName) -> None:
    sessions = market.sessions(FIRST, LAST)
    for board in market.boards:
        values = market.rule_values(board.name, rule, sessions)
        assert (values > 0).all() or rule in {"settle_days", "free_sessions", *SIDES}


def test_its_orders_can_be_traded(market: Market) -> None:
    sessions = market.sessions(FIRST, LAST)
    for board in market.boards:
        lot, least = (market.rule_values(board.name, rule, sessions) for rule in ("lot", "least"))
        assert (np.mod(lot, 1) == 0).all()
        assert (np.mod(least, lot) == 0).all()
        assert (market.rule_values(board.name, "settle_days", sessions) <= 1).all()


def test_its_fees_are_charged_on_a_side_they_name_and_cost_less_than_a_hundredth(market: Market) -> None:
    sessions = market.sessions(FIRST, LAST)
    assert {row.rule for row in market.rules if row.side is not None} == set(SIDES)
    for board in market.boards:
        for side in ("buy", "sell"):
            rates = [market.rule_values(board.name, rule, sessions, side) for rule in SIDES if rule.endswith("_bps")]
            assert (sum(rates) < 100).all()
            assert (sum(rates) > 0).all()


def test_what_is_from_memory_is_marked(market: Market) -> None:
    rows = [*market.rules, *market.boards]
    assert [row.source for row in rows if MEMORY in row.source and getattr(row, "confidence", "high") == "high"] == []


def test_every_ticker_of_the_universe_has_a_board() -> None:
    universe = load_thesis().universe
    for ticker, (code, currency) in universe.market_and_currency().items():
        assert universe.markets[code].board_of(ticker)
        assert currency == universe.markets[code].currency


def test_the_longest_fit_of_a_ticker_gives_its_board() -> None:
    assert MARKETS["XKRX"].board_of("000660.KS") == "KOSPI"
    assert MARKETS["XKRX"].board_of("247540.KQ") == "KOSDAQ"
    with pytest.raises(ConfigurationError, match=r"XKRX.toml: no board for NVDA"):
        MARKETS["XKRX"].board_of("NVDA")


@pytest.mark.parametrize(
    ("on", "bps"),
    [("2022-12-29", 23), ("2023-01-02", 20), ("2024-01-02", 18), ("2025-01-02", 15), ("2025-12-30", 15), ("2026-01-02", 20)],
)
@pytest.mark.parametrize("board", ["KOSPI", "KOSDAQ"])
def test_a_sale_in_seoul_pays_the_tax_of_its_day_and_a_purchase_none(board: str, on: str, bps: float) -> None:
    sessions = pd.DatetimeIndex([on])
    assert MARKETS["XKRX"].rule_values(board, "duty_bps", sessions, "sell").tolist() == [bps]
    assert MARKETS["XKRX"].rule_values(board, "duty_bps", sessions, "buy").tolist() == [0.0]


@pytest.mark.parametrize("day", ["2026-06-03", "2026-07-17"])
def test_seoul_was_closed_on_days_that_its_calendar_counts(day: str) -> None:
    moment = pd.Timestamp(day)
    assert len(calendars.closes("XKRX", moment, moment)) == 1
    assert len(MARKETS["XKRX"].closes(moment, moment)) == 0


@pytest.mark.parametrize(
    ("codes", "sessions"),
    [
        (("XSHG",), 242), (("XNYS",), 252), (("XNYS", "XSHG"), 260), (("XSHG", "XNYS"), 260), (("XKRX",), 245),
        (("XKRX", "XNYS"), 259), (("XKRX", "XNYS", "XSHG"), 260),
    ],
)  # fmt: skip
def test_returns_a_year_of_several_markets_are_counted(codes: tuple[str, ...], sessions: int) -> None:
    assert sessions_a_year([MARKETS[code] for code in codes]) == sessions


def test_a_currency_but_the_dollar_has_a_rate_and_a_band() -> None:
    for currency in CURRENCIES.values():
        assert currency_of_rate(currency.rate) == ("" if currency.code == DOLLAR else currency.code)
        assert currency.code == DOLLAR or 0 < currency.least < currency.most
    assert rate_ticker("KRW") == "KRW=X"


def test_a_currency_without_a_band_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a band and a move above 0"):
        Currency(code="THB", name="baht", source="a test")


# What is refused


def written(folder: Path, code: str, change: tuple[str, str]) -> Path:
    text = (HERE / "XHKG.toml").read_text(encoding="utf-8")
    assert change[0] in text
    (folder / f"{code}.toml").write_text(text.replace(*change), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("code", "change", "words"),
    [
        ("XHKG", ('calendar = "XHKG"', 'calendar = "XHKQ"'), r"XHKG.toml market: calendar is 'XHKQ'; .* did you mean 'XHKG'"),
        ("XHKG", ('"Asia/Hong_Kong"', '"Asia/HongKong"'), r"XHKG.toml market: timezone is 'Asia/HongKong'; expected a time zone"),
        ("XHKG", ('suspension = "sessions"', 'suspension = "days"'), r"XHKG.toml market: suspension is 'days'; "),
        ("XHKG", ('location = "Hong Kong"\n', ""), r"XHKG.toml market: location; "),
        ("XHKG", ('rule = "lot"', 'rule = "lots"'), r"XHKG.toml rule 1: rule is 'lots'; "),
        (
            "XHKG",
            ("[[board]]", "[[boards]]"),
            r"XHKG.toml: 'boards' is no heading of this file; expected \[market\]",
        ),
        ("XHKQ", ('"a test"', '"a test"'), r"XHKQ.toml market: code is 'XHKG'; expected the name of its file"),
        ("XNYS", ('code = "XHKG"', 'code = "XNYS"'), r"XNYS.toml: there is a market of this code already"),
    ],
)
def test_a_wrong_row_of_a_market_is_refused_by_file_row_and_field(
    code: str, change: tuple[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_markets(written(tmp_path, code, change))
