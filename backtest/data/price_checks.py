"""One gate for the prices and rates of every source: embedded, folder, store and live ones pass the same checks.

Nothing is repaired. What is refused names the file, row, date, the size of what is wrong, and the row of decisions.toml that
would let it through. A move is measured from the last session that traded. After a suspension it may be as large as the
limits of all its sessions together, but no larger than is plausible (PLAUSIBLE_APART): a share has the limits of one session
when it trades again, but some sources fill sessions that they lack as a suspension.

A table has `open`, `high`, `low`, `close`, `adj_close` by session; `volume`, `split` and `row` (of its file) where known.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import pairwise

import numpy as np
import pandas as pd

from backtest.data.matrices import floats
from backtest.data.overrides import FILE, Decisions
from backtest.errors import DataError
from backtest.markets import Market
from backtest.markets.currencies import DOLLAR, Currency
from backtest.markets.rules import RuleName
from backtest.universe import Universe

BARS = ("open", "high", "low", "close")
VALUES = (*BARS, "adj_close")

MARGIN = 0.0025  # of a board's limit and of a dividend: adjusted prices are rounded
ROUNDED = 1e-5  # of a bar: floats are rounded
PLAUSIBLE = (-0.40, 0.50)  # a session where a market has no limit, from close to close
PLAUSIBLE_WITHIN = (-0.45, 0.60)  # and from the close before to an open, high or low
PLAUSIBLE_APART = (-0.40, 0.75)  # sessions that a suspension lies between, whatever their limits together would allow
INDEX = re.compile(r"000\d{3}\.SS|399\d{3}\.SZ")
INDEX_WITHIN = 0.20  # some of an index's shares may move as far as this within a session, though most may not
INDEX_BOARDS = {"399": "ChiNext", "000688": "STAR"}  # by the start of the code; else main
ORDINARY_DIVIDEND = 0.15  # of the close before; a larger one shows in the close, to within MATCHING
MATCHING = 0.10
SPLIT_NEAR = 0.06  # how near a move has to be to a split's ratio, as a log
LISTED_WITHIN = pd.Timedelta(days=14)  # of the day from which a supplier is a member
COPIED = 10  # closes of a quarter that two tickers share, at least half of them different from each other


def checked(
    tables: Mapping[str, pd.DataFrame], decisions: Decisions, named: Mapping[str, str], universe: Universe
) -> dict[str, pd.DataFrame]:
    """Return prices by ticker that passed every check, empty on suspended sessions; DataError for the first fault.

    `named` is what each table is called in an error.
    """
    traits, since = universe.traits(list(tables)), {row.ticker: pd.Timestamp(row.since) for row in universe.suppliers}
    opened: dict[str, pd.Timestamp] = {}
    for ticker, table in tables.items():
        market, first = traits[ticker][0], table.index[0]
        opened[market] = min(first, opened.get(market, first))
    passed = {}
    for ticker, table in tables.items():
        market = traits[ticker][0]
        sheet = Sheet(table, ticker, universe.markets[market], named[ticker], decisions, since.get(ticker))
        passed[ticker] = checked_days(sheet, opened[market])
    _refuse_copies(passed, named)
    return passed


@dataclass(frozen=True)
class Sheet:
    """A table of prices, whose it is, what an error calls it, and what a person decided; a rate has no market.

    `since` is the day from which a supplier can be held, where it is one.
    """

    table: pd.DataFrame
    ticker: str
    market: Market | None
    name: str
    decisions: Decisions
    since: pd.Timestamp | None = None

    @property
    def traded_on(self) -> Market:
        """The market; a rate has none, and is asked for none."""
        assert self.market is not None
        return self.market

    def values(self, column: str) -> np.ndarray:
        """Return a column as floats, NaN where the table has none; not to be changed."""
        if column not in self._columns:
            self._columns[column] = floats(self.table, column)
        return self._columns[column]

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return {}  # pandas takes longer to give a column than most checks take with it

    @cached_property
    def moves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The moves of close and adj_close from the session before, and the dividend they imply over the close before."""
        columns = (self.values("close"), self.values("adj_close"))
        close, adjusted = (np.append(1.0, values[1:] / values[:-1]) for values in columns)
        return close - 1.0, adjusted - 1.0, 1.0 - close / adjusted

    @cached_property
    def undecided(self) -> np.ndarray:
        """Whether nobody has found a session right that would be refused."""
        right = self.decisions.right_prices(self.ticker)
        return ~self.table.index.isin(right) if right else np.ones(len(self.table), dtype=bool)

    def refuse(self, wrong: np.ndarray, words: Callable[[int], str], expected: str, decidable: bool = True) -> None:
        """Raise DataError for the first session that is wrong: where, `words` of its position, what was expected."""
        if not wrong.any():
            return
        at = int(wrong.argmax())
        day = f"{self.table.index[at]:%Y-%m-%d}"
        row = f', or a [[price]] row with ticker = "{self.ticker}", session = {day} and a reason in {FILE}'
        raise DataError(f"{self.where(at)} ({day}): {words(at)}; expected {expected}{row if decidable else ''}")

    def where(self, at: int) -> str:
        """Return the name of the table, and the row of its file where that is known."""
        row = self.values("row")[at]
        return self.name if np.isnan(row) else f"{self.name} row {row:.0f}"

    def of(self, table: pd.DataFrame) -> "Sheet":
        """Return the sheet with another table."""
        return self if table is self.table else replace(self, table=table)

    def traded(self) -> "Sheet":
        """Return the sheet of the sessions that have a close."""
        priced = ~np.isnan(self.values("close"))
        return self if priced.all() else self.of(self.table[priced])


def checked_days(sheet: Sheet, opened: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return daily prices that passed, without a gap, empty on suspended sessions; DataError for the first fault.

    `opened` is the first session of the source in the market: a ticker whose prices begin later may have been listed then.
    """
    sheet = sheet.of(_suspended_by_decision(sheet))
    check_sessions(sheet)
    return checked_rows(sheet, opened)


def checked_rows(sheet: Sheet, opened: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return daily prices that passed, gaps or not, empty on suspended sessions; DataError for the first fault."""
    check_bars(sheet)
    sheet = sheet.of(without_suspensions(sheet.table))
    traded = sheet.traded()
    if traded.table.empty:
        return sheet.table
    position = np.flatnonzero(~np.isnan(sheet.values("close")))
    low, high = _apart(*limits(traded), np.diff(position, prepend=position[0] - 1))
    judged = traded.undecided & ~_free(traded, opened)
    check_splits(traded, judged)
    check_moves(traded, low, high, judged)
    check_within_sessions(traded, low, high, judged)
    check_end(traded)
    return sheet.table


def checked_rate(table: pd.DataFrame, currency: Currency, name: str, decisions: Decisions) -> pd.DataFrame:
    """Return an exchange rate that lies in its currency's band and moves plausibly; DataError for the first fault."""
    words, least, most = f"{currency.code} per {DOLLAR}", currency.least, currency.most
    sheet = Sheet(table.drop(columns=["open", "high", "low"], errors="ignore"), currency.rate, None, name, decisions)
    check_bars(sheet)
    sheet = sheet.traded()
    if sheet.table.empty:
        return sheet.table
    close, adjusted = sheet.values("close"), sheet.values("adj_close")
    outside = sheet.undecided & ((close < least) | (close > most))
    sheet.refuse(outside, lambda at: f"the rate is {close[at]:g}", f"{words} between {least:g} and {most:g}")
    adjusts = ~np.isclose(close, adjusted, rtol=ROUNDED, atol=0)
    sheet.refuse(adjusts, lambda at: f"close {close[at]:g}, adj_close {adjusted[at]:g}", "the same: a rate pays nothing", False)
    limit = np.full(len(close), currency.move)
    check_moves(sheet, -limit, limit, sheet.undecided)
    return sheet.table


def check_sessions(sheet: Sheet) -> None:
    """Refuse a gap against the exchange calendar within a table's span, and a row on a day without a session."""
    days, market = pd.DatetimeIndex(sheet.table.index), sheet.traded_on
    sessions = market.sessions(days[0], days[-1])
    if sessions.equals(days):
        return
    if len(strays := days.difference(sessions)):
        row = sheet.where(int(days.searchsorted(strays[0])))
        raise DataError(f"{row}: {strays[0]:%Y-%m-%d} is no session of {market.code}; expected its sessions only")
    gaps = sessions.difference(days)
    raise DataError(
        f"{sheet.name}: no row for {gaps[0]:%Y-%m-%d}, a session of {market.code} ({len(gaps)} missing); expected every session, "
        f"with empty prices where the share was suspended, or a [[suspended]] row in {FILE}"
    )


def check_bars(sheet: Sheet) -> None:
    """Refuse a price that is not above 0, a close without adj_close, an open without a close, a high or low that is none."""
    table = {name: sheet.values(name) for name in (*VALUES, "volume")}
    for name in VALUES:
        wrong = (table[name] <= 0) | np.isinf(table[name])
        sheet.refuse(wrong, partial(_value, name, table[name]), "a price above 0, or nothing", False)
    sheet.refuse(table["volume"] < 0, partial(_value, "volume", table["volume"]), "0 or more, or nothing", False)

    def bar(at: int) -> str:
        return ", ".join(f"{name} {'empty' if np.isnan(table[name][at]) else format(table[name][at], 'g')}" for name in VALUES)

    empty = np.isnan(table["close"])
    sheet.refuse(empty ^ np.isnan(table["adj_close"]), bar, "close and adj_close, both or neither", False)
    quoted = ~np.isnan(np.array([table[name] for name in ("open", "high", "low")])).all(axis=0)
    sheet.refuse(empty & quoted, bar, "a close, or no price at all", False)
    top = np.fmax(table["open"], table["close"]) * (1.0 - ROUNDED)
    bottom = np.fmin(table["open"], table["close"]) * (1.0 + ROUNDED)
    crossed = (table["high"] < top) | (table["low"] > bottom) | (table["low"] > table["high"] * (1.0 + ROUNDED))
    sheet.refuse(crossed & sheet.undecided, bar, "low <= open, close <= high")


def without_suspensions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose prices are empty where a bar is flat with a volume of 0, or flat at the close before with none.

    That is how sources fill a suspension, rounded or not. A bar with a close only is a close.
    """
    volume, close = floats(table, "volume"), floats(table, "close")
    rows = np.flatnonzero((volume == 0) | np.isnan(volume))  # few, of most tables none
    if len(rows):
        before = table["close"].ffill().shift().to_numpy()[rows]
        rows = rows[(volume[rows] == 0) | np.isclose(close[rows], before, rtol=ROUNDED, atol=0)]
    for name in BARS if len(rows) else ():
        rows = rows[np.isclose(floats(table, name)[rows], close[rows], rtol=1e-9, atol=0)]
    if not len(rows):
        return table
    emptied, still = table.copy(), np.zeros(len(table), dtype=bool)
    still[rows] = True
    emptied.loc[still, list(VALUES)] = np.nan
    return emptied


def limits(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest move of each session, as fractions: the dated limit of the board, or what is plausible."""
    limit = _rule(sheet, "limit") + MARGIN
    return np.where(np.isinf(limit), PLAUSIBLE[0], -limit), np.where(np.isinf(limit), PLAUSIBLE[1], limit)


def _apart(low: np.ndarray, high: np.ndarray, sessions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of moves that so many sessions lie behind: one session's, or those of all together within bounds."""
    if (sessions <= 1).all():
        return low, high
    least = np.maximum((1.0 + low) ** sessions - 1.0, PLAUSIBLE_APART[0])
    most = np.minimum((1.0 + high) ** sessions - 1.0, PLAUSIBLE_APART[1])
    return np.where(sessions > 1, least, low), np.where(sessions > 1, most, high)


def check_moves(sheet: Sheet, low: np.ndarray, high: np.ndarray, judged: np.ndarray) -> None:
    """Refuse a move of close or adj_close beyond its limits, and a difference between the two that no dividend explains."""
    close, adjusted, paid = sheet.moves

    def stated(at: int) -> str:
        return f"close moves by {close[at]:+.1%}, adj_close by {adjusted[at]:+.1%}"

    large = paid > ORDINARY_DIVIDEND
    sheet.refuse(
        judged & large & (close > MATCHING - paid),
        lambda at: f"{stated(at)}: a dividend of {paid[at]:.0%} of the close before",
        f"a dividend of at most {ORDINARY_DIVIDEND:.0%}, or a fall to match",
    )
    sheet.refuse(judged & (paid < -MARGIN), stated, "no less from adj_close than from close")
    fallen = np.where(paid > MARGIN, np.minimum(low, PLAUSIBLE[0]), low)
    for name, move, least in (("close", close, fallen), ("adj_close", adjusted, low)):
        wrong = judged & ((move < least) | (move > high))
        sheet.refuse(wrong, partial(_moved, sheet, name, move), _between(low, high, wrong))


def check_within_sessions(sheet: Sheet, low: np.ndarray, high: np.ndarray, judged: np.ndarray) -> None:
    """Refuse an open, high or low further from the close before than a session allows; from its own close in the first row."""
    close, paid = sheet.values("close"), sheet.moves[2]
    if np.isinf(_rule(sheet, "limit")).any():
        low, high = np.minimum(low, PLAUSIBLE_WITHIN[0]), np.maximum(high, PLAUSIBLE_WITHIN[1])
    if INDEX.fullmatch(sheet.ticker):
        low, high = np.minimum(low, -INDEX_WITHIN), np.maximum(high, INDEX_WITHIN)
    base = np.append(close[:1], close[:-1] * (1.0 - np.maximum(paid[1:], 0.0)))
    low, high = low.copy(), high.copy()
    low[:1], high[:1] = (1.0 + low[:1]) / (1.0 + high[:1]) - 1.0, (1.0 + high[:1]) / (1.0 + low[:1]) - 1.0
    for name in ("open", "high", "low"):
        move = sheet.values(name) / base - 1.0
        wrong = judged & ((move < low) | (move > high))
        sheet.refuse(wrong, partial(_moved, sheet, name, move), _between(low, high, wrong))


def check_splits(sheet: Sheet, judged: np.ndarray) -> None:
    """Refuse a split that the closes still show, or show twice; closes are carried back through splits."""
    splits = np.where(sheet.values("split") > 0, sheet.values("split"), 1.0)
    if (splits == 1.0).all():
        return
    move, split = np.log1p(sheet.moves[0]), np.log(splits)
    size = np.abs(split)
    shown = judged & (size > 3 * SPLIT_NEAR) & (np.abs(np.abs(move) - size) < np.minimum(2 * SPLIT_NEAR, size / 3))

    def words(at: int) -> str:
        how = "which its prices still show" if move[at] * split[at] < 0 else "which its prices show twice"
        return f"close moves by {np.expm1(move[at]):+.1%} on a split of {np.exp(split[at]):g}, {how}"

    sheet.refuse(shown, words, "closes that are carried back through it")


def check_end(sheet: Sheet) -> None:
    """Refuse an [[ended]] row whose session is not that of the last price."""
    stated = sheet.decisions.end_of(sheet.ticker)
    last = sheet.table.index[-1] if len(sheet.table) else None
    if stated is not None and last is not None and stated != last:
        raise DataError(
            f"{sheet.name}: the last price of {sheet.ticker} is of {last:%Y-%m-%d}, its [[ended]] row in {FILE} says "
            f"{stated:%Y-%m-%d}; expected the same session"
        )


def _value(name: str, values: np.ndarray, at: int) -> str:
    return f"{name} is {values[at]:g}"


def _moved(sheet: Sheet, name: str, move: np.ndarray, at: int) -> str:
    before = sheet.values("close" if name in BARS else name)[max(at - 1, 0)]
    return f"{name} moves by {move[at]:+.1%}, from {before:g} to {sheet.values(name)[at]:g}"


def _between(low: np.ndarray, high: np.ndarray, wrong: np.ndarray) -> str:
    at = int(wrong.argmax()) if len(wrong) else 0
    return f"{low[at]:+.2%} to {high[at]:+.2%}" if len(low) else ""


def _rule(sheet: Sheet, rule: RuleName) -> np.ndarray:
    """Return a board's rule by session; of an index, that of the board whose shares move it most. Unlimited before any row."""
    days, ticker = pd.DatetimeIndex(sheet.table.index), sheet.ticker
    if INDEX.fullmatch(ticker):
        board = next((board for start, board in INDEX_BOARDS.items() if ticker.startswith(start)), "main")
    else:
        board = sheet.traded_on.board_of(ticker)
    try:
        return sheet.traded_on.rule_values(board, rule, days)
    except DataError:  # older than the rules
        return np.full(len(days), np.inf if rule == "limit" else 0.0)


def _free(sheet: Sheet, opened: pd.Timestamp | None) -> np.ndarray:
    """Return whether a session is one of the first after listing, which have no limit."""
    if not len(sheet.table) or opened is None or sheet.table.index[0] <= opened:
        return np.zeros(len(sheet.table), dtype=bool)
    if sheet.since is not None and sheet.table.index[0] > sheet.since + LISTED_WITHIN:
        return np.zeros(len(sheet.table), dtype=bool)
    return np.arange(1, len(sheet.table) + 1) <= _rule(sheet, "free_sessions")


def _suspended_by_decision(sheet: Sheet) -> pd.DataFrame:
    """Return the table with empty prices on the sessions that [[suspended]] rows name, whether it has rows for them or not."""
    table = sheet.table
    if not sheet.decisions.suspensions(sheet.ticker):
        return table
    sessions = sheet.traded_on.sessions(table.index[0], table.index[-1])
    still = sheet.decisions.suspended(sheet.ticker, sessions)
    emptied = table.reindex(table.index.union(still))
    emptied.loc[still, list(VALUES)] = np.nan
    return emptied


def _refuse_copies(tables: Mapping[str, pd.DataFrame], named: Mapping[str, str]) -> None:
    """Refuse two tickers with the same closes throughout a quarter: a file, or part of one, under another's name."""
    seen: dict[int, str] = {}
    for ticker, table in tables.items():
        closes, days = floats(table, "close"), pd.DatetimeIndex(table.index)
        prices, sessions = closes.tobytes(), days.as_unit("ns").asi8.tobytes()  # eight bytes each
        for first, last in _quarters(sessions):
            key = hash((prices[first * 8 : last * 8], sessions[first * 8 : last * 8]))
            if (other := seen.get(key, ticker)) == ticker:
                seen[key] = ticker
            elif _many_closes(closes[first:last]):
                raise DataError(
                    f"{named[ticker]}: the same closes as {named[other]} from {days[first]:%Y-%m-%d} to "
                    f"{days[last - 1]:%Y-%m-%d}; expected the prices of {ticker}"
                )


@lru_cache(maxsize=4)
def _quarters(sessions: bytes) -> tuple[tuple[int, int], ...]:
    """Return where each quarter begins and ends in some sessions (int64 ns), those of fewer than COPIED left out."""
    days = pd.DatetimeIndex(np.frombuffer(sessions, "datetime64[ns]"))
    quarter = days.year.to_numpy() * 4 + days.quarter.to_numpy()
    edges = np.flatnonzero(np.diff(quarter, prepend=-1, append=-1)).tolist()
    return tuple((first, last) for first, last in pairwise(edges) if last - first >= COPIED)


def _many_closes(closes: np.ndarray) -> bool:
    return len(np.unique(closes[~np.isnan(closes)])) >= COPIED / 2
