"""Small artificial markets: sessions, prices and decisions written by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.data.sources import reference
from backtest.decisions import Decision, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.facts import Facts
from backtest.markets import load_markets
from backtest.panel import Archive
from backtest.prices import Bars, Prices
from backtest.strategy import StrategySpec, build_spec
from backtest.weights import Equal

ROOT = Path(__file__).parents[2]
CLOSE = {"XSHG": pd.Timedelta(hours=7), "XNYS": pd.Timedelta(hours=20)}
CURRENCY = {"XSHG": "CNY", "XNYS": "USD"}
NOWHERE: float = float("nan")


def day(stated: str) -> pd.Timestamp:
    return pd.Timestamp(stated)


def days(*stated: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(stated)).as_unit("ns")


def prices_of(
    columns: Mapping[str, Sequence[float]],
    market: Mapping[str, str],
    index: pd.DatetimeIndex,
    closed: Mapping[str, Sequence[str]] | None = None,
    rate: float | Sequence[float] = 7.0,  # CNY per USD
) -> Prices:
    """Prices by hand: each market is open on every day of `index` but those it is `closed` on."""
    open_on = {
        name: index.difference(pd.DatetimeIndex(list((closed or {}).get(name, ())))) for name in sorted(set(market.values()))
    }
    return Prices(
        wealth=pd.DataFrame({ticker: list(column) for ticker, column in columns.items()}, index=index, dtype=float),
        market=dict(market),
        currency={ticker: CURRENCY[name] for ticker, name in market.items()},
        closes={name: pd.Series(sessions.tz_localize("UTC") + CLOSE[name], sessions) for name, sessions in open_on.items()},
        rates=pd.DataFrame({"CNY": np.broadcast_to(rate, len(index)).astype(float)}, index),
        adjustment="by hand",
        source="by hand",
        data_id="by hand",
    )


def flat_prices_on_real_calendars(market: Mapping[str, str], first: str, last: str) -> Prices:
    """A price of 100 on every real session of each ticker's market."""
    closes = {name: load_markets()[name].closes(day(first), day(last)) for name in sorted(set(market.values()))}
    index = pd.DatetimeIndex([]).as_unit("ns")
    for of_market in closes.values():
        index = index.union(pd.DatetimeIndex(of_market.index))
    wealth = pd.DataFrame(
        {ticker: pd.Series(100.0, closes[name].index).reindex(index) for ticker, name in market.items()}, index=index
    )
    return Prices(
        wealth=wealth,
        market=dict(market),
        currency={ticker: CURRENCY[name] for ticker, name in market.items()},
        closes=closes,
        rates=pd.DataFrame({"CNY": 7.0}, index),
        adjustment="by hand",
        source="by hand",
        data_id="by hand",
    )


def without(prices: Prices, ticker: str, *sessions: str) -> Prices:
    """The same prices with a ticker suspended on some sessions."""
    wealth = prices.wealth.copy()
    wealth.loc[days(*sessions), ticker] = np.nan
    return replace(prices, wealth=wealth)


def decided(session: str | pd.Timestamp, targets: Mapping[str, float]) -> Decision:
    when = pd.Timestamp(session)
    return Decision(when, when.tz_localize("UTC") + CLOSE["XNYS"], (), dict(targets))


def spec_of(**changes: object) -> StrategySpec:
    """A spec that buys and holds NVIDIA, with some fields changed."""
    values: dict[str, object] = {
        "name": "by_hand",
        "title": "By hand",
        "question": "What does the engine do?",
        "baskets": ("NVDA",),
        "weights": Equal(),
    }
    return build_spec(**values | changes)


def reference_archive(tickers: Sequence[str]) -> Archive:
    return Archive(reference.load_facts(), reference.load_prices(sorted(set(tickers))))


def no_facts() -> Facts:
    facts = reference.load_facts()
    return Facts(facts.rows.iloc[:0], facts.accelerators.iloc[:0], facts.events.iloc[:0], "none")


WEEK = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")


def two_names(aaa: Sequence[float] = (10, 10, 20, 20), bbb: Sequence[float] = (10, 10, 10, 10)) -> Prices:
    """AAA and BBB in New York on the four sessions of WEEK."""
    return prices_of({"AAA": aaa, "BBB": bbb}, dict.fromkeys(("AAA", "BBB"), "XNYS"), WEEK)


STRATEGIES = sorted((ROOT / "strategies").glob("*.py"))


# Shares under a market's rules

INDEX = pd.bdate_range("2024-01-01", periods=8).as_unit("ns")  # 01-01 to 01-05, 01-08 to 01-10
MAIN, STAR, US = "600001.SS", "688001.SS", "AAA"


def shares_of(
    columns: Mapping[str, Sequence[float]],
    *,
    wealth: Mapping[str, Sequence[float]] | None = None,
    open_: Mapping[str, Sequence[float]] | None = None,
    day_range: float = 0.0,
    index: pd.DatetimeIndex = INDEX,
    closed: Mapping[str, Sequence[str]] | None = None,
) -> Prices:
    """Prices with bars: each share's closes, its wealth and opens where they differ, and the day's range about the open."""
    market = {name: "XSHG" if name.endswith((".SS", ".SZ")) else "XNYS" for name in columns}
    prices = prices_of({**columns, **(wealth or {})}, market, index, closed)
    close = pd.DataFrame({name: list(column) for name, column in columns.items()}, index, dtype=float)
    opened = close.assign(**{name: list(column) for name, column in (open_ or {}).items()})
    return replace(prices, bars=Bars(opened, opened + day_range / 2, opened - day_range / 2, close))


def traded(prices: Prices, *chosen: Decision, base: str = "USD", **changes: object) -> Simulation:
    """A book of 100,000 without slippage, unless said otherwise."""
    spec = spec_of(**{"slippage_bps": 0.0, "capital": 100_000.0} | changes)
    tickers = sorted(prices.market)
    return trade(targets_of(chosen, tickers), prices, base, prices.sessions(tuple(prices.closes)), spec.execution)


def listed(table: pd.DataFrame, *columns: str) -> list[list[object]]:
    return table[list(columns) or list(table)].to_numpy().tolist()


def eight(price: float = 10.0) -> list[float]:
    return [price] * 8
