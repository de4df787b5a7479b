"""What an order can be had for: per moment and ticker the price, the lot, the limits and the fees.

A moment is a session of one market: on a day on which several trade, they take turns in the order of their closes (Seoul,
Shanghai, New York), so what a later one sells cannot pay for what an earlier one buys on the same date.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from backtest.errors import DataError
from backtest.execution import kernel
from backtest.execution.settings import Costs
from backtest.markets.cash_rates import cash_growth
from backtest.markets.rules import RuleName, Side
from backtest.prices import Bars, Prices

BPS = 1e-4
ROUNDED = 1e-5  # adjusted prices are kept to four decimals
SHARED = ("sheets", "any_ends", "_market", "_seats", "_rows", "_dates")  # of conditions that differ in slippage alone
KINDS: dict[str, RuleName] = {
    "commission": "commission_bps",
    "transfer fee": "transfer_bps",
    "stamp duty": "duty_bps",
    "regulator's fee": "regulator_bps",
}


@dataclass(frozen=True)
class TradingConditions:
    """The conditions of every moment (rows, M) for every ticker (columns, T), tickers ordered by market.

    A unit is what one step of the wealth series buys; `shares` is how many shares a unit is, NaN where a source has no share
    prices. Amounts are in the book's currency, rates fractions of an order's value.

    `session`  number of the session of each moment, shape (M,); `market` number of its market; `columns` each market's tickers
    `price`    fill price of a unit, NaN where it cannot be traded at that moment; `mark` its value at that moment, 1 before
               its first price
    `fx_rate`  what a unit of the ticker's currency is worth in the book's
    `lot`, `least`            units, 0 where any amount will do; `sealed_up`, `sealed_down` whether the price is at its limit
    `ends`     whether a ticker that is declared ended has its last price here
    `ended`    the tickers that are declared ended and have their last price by the last session, before the first one too
    `unopened` whether a session has a close and no open, so that an order that fills at the open waits as in a halt
    `buy`, `sell`             rates by kind of cost, `buy_rate`, `sell_rate` their sums; `commission_least` an order
    `activity` a fee per unit sold, at most `activity_most` an order
    `slippage` fraction by which a fill is worse than the price; `day_range` the day's high less its low over the price
    `cash`     what 1 in cash at the first session is worth at each, shape (sessions,), interest credited before the session's
               orders; None where cash earns nothing
    """

    tickers: tuple[str, ...]
    sessions: pd.DatetimeIndex
    markets: tuple[str, ...]
    session: np.ndarray
    market: np.ndarray
    columns: tuple[slice, ...]
    price: np.ndarray
    mark: np.ndarray
    shares: np.ndarray
    fx_rate: np.ndarray
    lot: np.ndarray
    least: np.ndarray
    sealed_up: np.ndarray
    sealed_down: np.ndarray
    ends: np.ndarray
    unopened: np.ndarray
    buy: dict[str, np.ndarray]
    sell: dict[str, np.ndarray]
    commission_least: np.ndarray
    activity: np.ndarray
    activity_most: np.ndarray
    slippage: np.ndarray
    day_range: np.ndarray
    buy_rate: np.ndarray
    sell_rate: np.ndarray
    cash: np.ndarray | None = None
    ended: frozenset[str] = frozenset()

    @cached_property
    def sheets(self) -> kernel.Records:
        """The conditions as the kernel reads them: records of `kernel.SHEET`, shape (moments, tickers)."""
        commissions = {"buy_commission": self.buy["commission"], "sell_commission": self.sell["commission"]}
        sheets = np.empty(self.price.shape, kernel.SHEET)
        for name in kernel.SHEET.names or ():
            sheets[name] = commissions[name] if name in commissions else getattr(self, name)
        return sheets

    @cached_property
    def any_ends(self) -> np.ndarray:
        """Whether any ticker has its last price at a moment, shape (moments,)."""
        return np.asarray(self.ends.any(axis=1))

    @property
    def moments(self) -> kernel.Moments:
        """The moments as the kernel reads them."""
        return kernel.Moments(self.sheets, np.ascontiguousarray(self.slippage), self._market, self.any_ends, self._seats)

    def slipping(self, costs: Costs) -> "TradingConditions":
        """Return the same conditions under the slippage of other costs."""
        slipping = replace(self, slippage=_slippage(costs, self.day_range))
        for name in SHARED:  # where a cached property keeps its value: all but the slippage is as it was
            slipping.__dict__[name] = getattr(self, name)
        if self.cash is not None:
            slipping.__dict__["_in_cash_units"] = self._in_cash_units.slipping(costs)
        return slipping

    def grown(self, rows: np.ndarray) -> np.ndarray:
        """Return what 1 in cash at the first session is worth at some moments."""
        return np.ones(len(rows)) if self.cash is None else self.cash[self.session[rows]]

    def in_cash_units(self) -> "TradingConditions":
        """Return the same conditions with every amount counted in what 1 in cash at the first session has become.

        They are made once. Counted like this cash earns nothing: orders made and filled under these conditions are those of a
        book whose cash earns the rate, and its amounts times `grown` are theirs.
        """
        return self if self.cash is None else self._in_cash_units

    @cached_property
    def _in_cash_units(self) -> "TradingConditions":
        grown = self.grown(np.arange(len(self.session)))[:, None]
        amounts = ("price", "mark", "commission_least", "activity", "activity_most")
        return replace(self, cash=None, **{name: getattr(self, name) / grown for name in amounts})

    def rows_of(self, market: int) -> np.ndarray:
        """Return the moments of a market, rising."""
        return self._rows[market]

    def dates_of(self, market: int) -> pd.DatetimeIndex:
        """Return the sessions of the moments of a market."""
        return self._dates[market]

    @cached_property
    def _market(self) -> np.ndarray:
        return np.ascontiguousarray(self.market)

    @cached_property
    def _seats(self) -> np.ndarray:
        return np.array([(part.start, part.stop) for part in self.columns], dtype=np.uint64)

    @cached_property
    def _rows(self) -> tuple[np.ndarray, ...]:
        return tuple(np.flatnonzero(self.market == number) for number in range(len(self.markets)))

    @cached_property
    def _dates(self) -> tuple[pd.DatetimeIndex, ...]:
        return tuple(self.sessions[self.session[rows]] for rows in self._rows)


def conditions_of(
    prices: Prices, tickers: tuple[str, ...], base: str, sessions: pd.DatetimeIndex, fill: str, costs: Costs
) -> TradingConditions:
    """Return the conditions of a book on its sessions; DataError for what a source or the rules do not know.

    A source without share prices trades in fractions and pays no fee per share; with `costs.flat_bps` no market's rule counts.
    """
    _require_bars(prices, fill, costs)
    markets, ordered, seat = _seats(prices, tickers)
    session, market = np.nonzero(np.array([sessions.isin(prices.closes[market].index) for market in markets]).T)
    local, fx_rate = _local(prices, ordered, sessions, fill), prices.fx_rate(ordered, base, sessions)
    here = seat == market[:, None]
    price = np.where(here, (local.fill * fx_rate)[session], np.nan)
    unpriced = np.where(seat < market[:, None], local.close[session], local.before[session]) * fx_rate[session]
    ruled = _Rules(prices, ordered, sessions, costs.flat_bps is None).with_one_settlement_day()
    none, cash = np.zeros(local.fill.shape), cash_growth(prices.cash_rates, base, sessions)
    least, lot = (ruled.values(rule) / local.shares if ruled.lots else none for rule in ("least", "lot"))
    (up, down), (buy, sell) = _sealed(ruled, local, prices.bars), ruled.rates(costs.flat_bps)
    return TradingConditions(
        tickers=ordered,
        sessions=sessions,
        markets=markets,
        session=session,
        market=market,
        columns=tuple(slice(*np.searchsorted(seat, [number, number + 1])) for number in range(len(markets))),
        price=price,
        mark=np.where(np.isnan(price), np.where(np.isnan(unpriced), 1.0, unpriced), price),
        shares=local.shares[session],
        fx_rate=fx_rate[session],
        lot=np.nan_to_num(lot[session]),
        least=np.nan_to_num(least[session]),
        sealed_up=up[session] & here,
        sealed_down=down[session] & here,
        ends=local.ends[session] & here,
        unopened=local.unopened[session] & here,
        buy={kind: rate[session] for kind, rate in buy.items()},
        sell={kind: rate[session] for kind, rate in sell.items()},
        commission_least=(ruled.values("commission_least") * fx_rate)[session],
        activity=np.nan_to_num(ruled.values("activity_per_share") * local.shares * fx_rate)[session],
        activity_most=(ruled.values("activity_most") * fx_rate)[session],
        slippage=_slippage(costs, local.day_range[session]),
        day_range=local.day_range[session],
        buy_rate=sum(buy.values(), none)[session],
        sell_rate=sum(sell.values(), none)[session],
        cash=cash,
        ended=frozenset(name for name in ordered if (at := prices.sold_at(name)) is not None and at <= sessions[-1]),
    )


def _require_bars(prices: Prices, fill: str, costs: Costs) -> None:
    if prices.bars is None and (fill == "open" or costs.slippage_range > 0):
        raise DataError(f"{prices.source}: no opens and no ranges; expected daily --prices, or fill close and slippage_range 0")


def _seats(prices: Prices, tickers: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Return the markets in their order, the tickers by market, and the number of each ticker's market."""
    markets = prices.in_order(prices.markets_of(tickers))
    ordered = tuple(sorted(tickers, key=lambda ticker: (markets.index(prices.market[ticker]), ticker)))
    return markets, ordered, np.array([markets.index(prices.market[ticker]) for ticker in ordered])


def _slippage(costs: Costs, day_range: np.ndarray) -> np.ndarray:
    """Return the slippage of each order, a fraction; a name that never had a range slips by the flat part alone."""
    return np.asarray(costs.slippage_bps * BPS + costs.slippage_range * np.nan_to_num(day_range))


@dataclass(frozen=True)
class _Local:
    """Session × ticker arrays in each ticker's own currency: wealth at the fill, the close through and before a session."""

    fill: np.ndarray
    close: np.ndarray
    before: np.ndarray
    shares: np.ndarray  # shares a unit is
    day_range: np.ndarray  # high less low over the fill's price; where a session has a close only, that of the last with a range
    count: np.ndarray  # priced sessions so far, this one included; 0 throughout for what was listed before the source begins
    ends: np.ndarray  # the last session of a ticker that is declared ended
    unopened: np.ndarray  # a session with a close and no open, where orders are filled at opens


def _local(prices: Prices, tickers: tuple[str, ...], sessions: pd.DatetimeIndex, fill: str) -> _Local:
    wealth = prices.wealth[list(tickers)]
    index = pd.DatetimeIndex(wealth.index)
    through, before = (index.searchsorted(sessions, side=side) - 1 for side in ("right", "left"))
    last = wealth.ffill().to_numpy()
    now = wealth.reindex(sessions).to_numpy()
    nothing = np.full(now.shape, np.nan)
    bars = dict.fromkeys(("open", "high", "low", "close"), nothing)
    if prices.bars is not None:
        bars = {name: getattr(prices.bars, name)[list(tickers)].reindex(sessions).to_numpy() for name in bars}
    count = wealth.notna().cumsum().to_numpy()
    opened = pd.DatetimeIndex([prices.closes[prices.market[ticker]].index[0] for ticker in tickers])
    first = pd.DatetimeIndex([wealth[ticker].first_valid_index() for ticker in tickers])
    listed = np.asarray(first > opened)
    counted = np.where(listed, _at(count, through, 0), 0)
    opens = bars["open"] * now / bars["close"]
    ends = np.array([sessions == prices.sold_at(ticker) for ticker in tickers]).T
    unopened = ~np.isnan(now) & np.isnan(opens) & ~ends & (fill == "open")
    return _Local(
        fill=now if fill == "close" else np.where(ends & np.isnan(opens), now, opens),  # what ends is sold at its last close
        close=_at(last, through, np.nan),
        before=_at(last, before, np.nan),
        shares=now / bars["close"],
        day_range=pd.DataFrame((bars["high"] - bars["low"]) / bars[fill]).ffill().to_numpy(),
        count=counted,
        ends=ends,
        unopened=unopened,
    )


def _at(table: np.ndarray, rows: np.ndarray, nothing: float) -> np.ndarray:
    """Return rows of a table, `nothing` where a row lies before the first."""
    return np.where((rows >= 0)[:, None], table[np.maximum(rows, 0)], nothing)


@dataclass(frozen=True)
class _Rules:
    """The rules of each ticker's board as session × ticker arrays; all 0 where they do not count."""

    prices: Prices
    tickers: tuple[str, ...]
    sessions: pd.DatetimeIndex
    count: bool

    @property
    def lots(self) -> bool:
        """Whether orders come in whole shares."""
        return self.count and self.prices.bars is not None

    def with_one_settlement_day(self) -> "_Rules":
        """Return these rules; DataError for some under which a share could not be sold at its market's next session."""
        if (self.values("settle_days") > 1).any():
            raise DataError("a market's settle_days is above 1; expected at most 1, for a market is traded once a session")
        return self

    def values(self, rule: RuleName, side: Side | None = None) -> np.ndarray:
        """Return a rule's values, of a fee what they are on a side: shape (sessions, tickers)."""
        if not self.count:
            return np.zeros((len(self.sessions), len(self.tickers)))
        values = {
            board: self.prices.markets[board[0]].rule_values(board[1], rule, self.sessions, side)
            for board in dict.fromkeys(self.boards)
        }
        return np.column_stack([values[board] for board in self.boards])

    @cached_property
    def boards(self) -> tuple[tuple[str, str], ...]:
        """Market and board of each ticker."""
        markets = [self.prices.market[ticker] for ticker in self.tickers]
        return tuple(
            (market, self.prices.markets[market].board_of(ticker)) for market, ticker in zip(markets, self.tickers, strict=True)
        )

    def rounding(self, previous: np.ndarray, prices: np.ndarray) -> np.ndarray:
        """Return how far a limit may lie from its fraction of the previous close: half a tick, or a tick of each of two cuts."""
        slack = self.values("tick") / 2.0
        for seat, (code, board) in enumerate(self.boards):
            market, ours = self.prices.markets[code], self.sessions
            if market.limits_cut:
                slack[:, seat] = sum(market.ticks(board, ours, table[:, seat]) for table in (previous, prices))
            elif market.has_bands:
                slack[:, seat] = market.ticks(board, ours, previous[:, seat]) / 2.0
        return slack

    def rates(self, flat_bps: float | None) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the rates of buys and of sells by kind of cost."""
        if flat_bps is not None:
            flat = np.full((len(self.sessions), len(self.tickers)), flat_bps * BPS)
            return {"commission": flat}, {"commission": flat}
        sell = {kind: self.values(rule, "sell") * BPS for kind, rule in KINDS.items()}
        return {kind: self.values(rule, "buy") * BPS for kind, rule in KINDS.items() if self.on_buys(rule)}, sell

    def on_buys(self, rule: RuleName) -> bool:
        """Return whether some board charges a fee on buys; commission is always among them."""
        charged = (self.prices.markets[market].charges(board, rule, "buy") for market, board in dict.fromkeys(self.boards))
        return rule == KINDS["commission"] or any(charged)


def _sealed(ruled: _Rules, local: _Local, bars: Bars | None) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each fill price stands at its upper and at its lower limit, measured from the previous close alone."""
    if not ruled.lots or bars is None:
        nowhere = np.zeros(local.fill.shape, dtype=bool)
        return nowhere, nowhere
    move = local.fill / local.before - 1.0
    previous = local.before / local.shares  # in today's shares: a split moves no limit
    limit = ruled.values("limit") - ruled.rounding(previous, local.fill / local.shares) / previous - ROUNDED
    limited = (local.count == 0) | (local.count > ruled.values("free_sessions"))
    return limited & (move >= limit), limited & (move <= -limit)
