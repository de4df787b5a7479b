"""Orders in compiled loops: what each of many books buys and sells at every moment, and what it is worth at every close.

Plain loops over books and tickers; `orders` says what is due when and reads what came back. Sums run in the order of the
tickers, so that a book comes out the same to the last bit whatever books are walked beside it. A sheet holds what `conditions`
says of one moment, a ticker a row and a field of FIELDS a column; a state what a book holds and wants, likewise.
"""

from typing import Any

import numpy as np
from numba import njit

HALF_LOT = 0.5 + 1e-9
WITHIN = 1e-9  # of a book's value: what is missed by less is rounding; of its capital: no order is worth less
SPARE = 1.0 - 1e-12  # of the cash that a cut purchase may use: its parts are rounded
NOTHING, SUSPENDED, LIMIT_UP, LIMIT_DOWN, SHORT_OF_CASH, COSTS, BELOW_LEAST = 0, 1, 2, 3, 4, 5, 6  # why an order was not filled
FIELDS = (
    "price", "mark", "lot", "least", "sealed_up", "sealed_down", "ends", "slippage", "buy_rate", "sell_rate",
    "buy_commission", "sell_commission", "commission_least", "activity", "activity_most",
)  # fmt: skip
PRICE, MARK, LOT, LEAST, SEALED_UP, SEALED_DOWN, ENDS, SLIPPAGE, BUY_RATE, SELL_RATE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
BUY_COMMISSION, SELL_COMMISSION, COMMISSION_LEAST, ACTIVITY, ACTIVITY_MOST = 10, 11, 12, 13, 14
HELD, TARGET, WAITS, CUT = (
    0,
    1,
    2,
    3,
)  # of a state: units, weight, whether an order waits, whether for cash after a part was bought
WANTED, WAITED, DONE, CAUSE, UNITS, KEPT, STILL = 0, 1, 2, 3, 4, 5, 6  # of a note: what the journal of one book is told


@njit(cache=True, nogil=True, error_model="numpy")
def walk(sheets: Any, market: Any, seats: Any, start: Any, number: Any, until: Any, targets: Any, capital: Any, told: Any) -> Any:
    """Trade every book of targets (decisions, books, tickers) through every moment.

    `sheets` is (moments, tickers, fields), `market` (moments,), `seats` each market's first ticker and the one after its last;
    decisions `number[start[m]:start[m + 1]]` fall due at moment m, and `until` is the last moment at which each one's orders do.
    Returns the moments at which any book traded, and by these units, fixed fees, cash, and the decision behind each ticker's
    order; then, with `told`, each moment that was worked with the first book's value before it and its note.
    """
    books, tickers = targets.shape[1:]
    state, cash, decision = np.zeros((books, tickers, 4)), np.full(books, capital), np.full(tickers, -1)
    room, worked = len(number) + 8, len(market) if told else 1
    rows, units, fixed = np.zeros(room, np.int64), np.zeros((room, books, tickers)), np.zeros((room, books, tickers))
    left, behind = np.zeros((room, books)), np.zeros((room, tickers), np.int64)
    at, value, notes = np.zeros(worked, np.int64), np.zeros(worked), np.zeros((worked, tickers, 7))
    asked, queue, spare = np.zeros(tickers), np.zeros((2, tickers), np.uint64), np.zeros((tickers, 7))
    working, sales_until, row, note = np.zeros(len(seats), np.bool_), -1, 0, 0
    for moment in range(len(market)):
        here = market[moment]
        first, stop = seats[here, 0], seats[here, 1]
        for place in range(start[moment], start[moment + 1]):
            working[here] = _queue(first, stop, targets[number[place]], state)
            decision[first:stop] = number[place]
            sales_until = max(sales_until, until[number[place]])
        if not (working[here] or sheets[moment, first:stop, ENDS].any()):
            continue
        if row == len(rows):
            rows, units, fixed = _longer(rows), _longer(units), _longer(fixed)
            left, behind = _longer(left), _longer(behind)
        traded, working[here] = False, False
        for book in range(books):
            said = notes[note] if told and book == 0 else spare
            cash[book], before, moved, waits = _trade(
                sheets[moment], first, stop, sales_until > moment, WITHIN * capital, cash[book], state[book], asked, queue,
                units[row, book], fixed[row, book], said,
            )  # fmt: skip
            traded, working[here] = traded or moved, working[here] or waits
            if told and book == 0:
                at[note], value[note] = moment, before
                said[:, UNITS], said[:, KEPT], said[:, STILL] = units[row, 0], state[0, :, HELD], state[0, :, WAITS]
        note += 1 if told else 0
        if traded:
            rows[row], left[row], behind[row] = moment, cash, decision
            row += 1
    return rows[:row], units[:row], fixed[:row], left[:row], behind[:row], at[:note], value[:note], notes[:note]


@njit(cache=True, nogil=True, error_model="numpy")
def _longer(held: Any) -> Any:
    """Return a buffer of twice the rows with the same content."""
    grown = np.zeros((2 * len(held), *held.shape[1:]), held.dtype)
    grown[: len(held)] = held
    return grown


@njit(cache=True, nogil=True, error_model="numpy")
def _queue(first: Any, stop: Any, targets: Any, state: Any) -> Any:
    """Let a decision's orders of one market wait in place of older ones; return whether any book has one."""
    working = False
    for book in range(len(state)):
        for seat in range(first, stop):
            waits = targets[book, seat] > 0.0 or state[book, seat, HELD] > 0.0
            state[book, seat, TARGET], state[book, seat, WAITS], state[book, seat, CUT] = targets[book, seat], waits, 0.0
            working = working or waits
    return working


@njit(cache=True, nogil=True, error_model="numpy")
def _trade(
    sheet: Any, first: Any, stop: Any, later: Any, dust: Any, cash: Any, state: Any, asked: Any, queue: Any, units: Any,
    fixed: Any, note: Any,
) -> Any:  # fmt: skip
    """Sell, then buy with what cash there is, whatever of a market's waiting orders can be traded.

    Returns the cash after it, the value before it, whether anything was traded, and whether anything still waits. `later` says
    that a sale may fall due later in another market. What was cut for want of cash is kept while one may come.
    """
    value = _value(sheet, cash, state)
    sales, purchases = _size(sheet, first, stop, value, state, asked, queue, note)
    selling, buying, moved, waits = queue[0, :sales], queue[1, :purchases], False, False
    proceeds, gross = _sell(sheet, selling, dust, asked, units, fixed)
    afforded = _afforded(sheet, buying, cash + gross, state, note)
    cash = _buy(sheet, buying, cash + proceeds, dust, asked, units, fixed)
    for seat in range(first, stop):
        state[seat, HELD] += units[seat]
        moved = moved or units[seat] != 0.0
    may_come = not afforded and (later or _sale_waits(sheet, first, stop, _value(sheet, cash, state), state, note))
    for seat in range(first, stop):
        lot, price = sheet[seat, LOT], sheet[seat, PRICE]
        missed = max(asked[seat], 0.0) - max(units[seat], 0.0)
        short = missed > (HALF_LOT * lot if lot > 0.0 else WITHIN * value / (1.0 if np.isnan(price) else price))
        waiting = state[seat, WAITS] > 0.0 and note[seat, DONE] == 0.0
        keep = note[seat, DONE] > 0.0 and short and may_come
        if short:
            note[seat, CAUSE] = COSTS if afforded else SHORT_OF_CASH
        still = (waiting or keep) and sheet[seat, ENDS] == 0.0
        state[seat, WAITS], waits = still, waits or still
        state[seat, CUT] = keep or (state[seat, CUT] > 0.0 and waiting)
        if keep:
            note[seat, DONE] = 0.0
    return cash, value, moved, waits


@njit(cache=True, nogil=True, error_model="numpy")
def _value(sheet: Any, cash: Any, state: Any) -> Any:
    value = cash
    for seat in range(np.uint64(len(state))):
        value += state[seat, HELD] * sheet[seat, MARK]
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def _size(sheet: Any, first: Any, stop: Any, value: Any, state: Any, asked: Any, queue: Any, note: Any) -> Any:
    """Size every order of a market and queue the tickers to sell and to buy; return how many there are of each.

    `asked` is above 0 to buy, below 0 to sell. Notes what is done, and why the rest is not.
    """
    sales, purchases = 0, 0
    for seat in range(first, stop):
        price, held, ending = sheet[seat, PRICE], state[seat, HELD], sheet[seat, ENDS] > 0.0
        priced, waits = not np.isnan(price), state[seat, WAITS] > 0.0
        live = (waits and priced) or (ending and held > 0.0)
        wanted = held
        if live:
            wanted = 0.0 if ending else state[seat, TARGET] * value / price
        sell, buy = wanted < held and (ending or state[seat, CUT] == 0.0), wanted > held
        sealed = (buy and sheet[seat, SEALED_UP] > 0.0) or (sell and sheet[seat, SEALED_DOWN] > 0.0)
        size = _lots(abs(wanted - held), sheet[seat, LOT], 0.5) if (sell or buy) and not sealed else 0.0
        if sell and not sealed:
            size = min(held if wanted == 0.0 else size, held)
        small = size < sheet[seat, LEAST] and not (sell and size == held)
        size = 0.0 if small else size
        done = waits and live and not sealed
        cause = LIMIT_UP if sealed and buy else LIMIT_DOWN if sealed else NOTHING if priced else SUSPENDED
        asked[seat] = size if buy else -size
        queue[0, sales], queue[1, purchases] = seat, seat
        sales += sell and size > 0.0
        purchases += buy and size > 0.0
        note[seat, WANTED], note[seat, WAITED], note[seat, DONE] = wanted, waits, done
        note[seat, CAUSE] = BELOW_LEAST if small and done else cause
    return sales, purchases


@njit(cache=True, nogil=True, error_model="numpy")
def _sell(sheet: Any, selling: Any, dust: Any, asked: Any, units: Any, fixed: Any) -> Any:
    """Sell; return the proceeds after costs and before them. A sale worth less than its costs is left."""
    proceeds, gross = 0.0, 0.0
    for seat in selling:
        size, price = -asked[seat], sheet[seat, PRICE]
        value = size * price * (1.0 - sheet[seat, SLIPPAGE])
        fee = _topped_up(value, sheet[seat, SELL_COMMISSION], sheet[seat, COMMISSION_LEAST])
        fee += min(size * sheet[seat, ACTIVITY], sheet[seat, ACTIVITY_MOST])
        net = value * (1.0 - sheet[seat, SELL_RATE]) - fee
        if net > dust:
            proceeds += net
            gross += size * price
            units[seat], fixed[seat] = -size, fee
    return proceeds, gross


@njit(cache=True, nogil=True, error_model="numpy")
def _afforded(sheet: Any, buying: Any, gross: Any, state: Any, note: Any) -> Any:
    """Return whether what is wanted could be had but for the costs of the sales and the rounding to lots."""
    needed = 0.0
    for seat in buying:
        needed += (note[seat, WANTED] - state[seat, HELD]) * sheet[seat, PRICE]
        gross += sheet[seat, LOT] * sheet[seat, PRICE] / 2.0
    return needed <= gross * (1.0 + WITHIN)


@njit(cache=True, nogil=True, error_model="numpy")
def _buy(sheet: Any, buying: Any, cash: Any, dust: Any, asked: Any, units: Any, fixed: Any) -> Any:
    """Buy, all cut by one factor and then to whole lots where the cash falls short; return the cash left."""
    share, left = _share(sheet, buying, cash, asked), cash
    for seat in buying:
        size = asked[seat]
        if share < 1.0:
            size = _lots(size * share, sheet[seat, LOT], WITHIN)
            size = 0.0 if size < sheet[seat, LEAST] else size
        value = size * sheet[seat, PRICE] * (1.0 + sheet[seat, SLIPPAGE])
        fee = _topped_up(value, sheet[seat, BUY_COMMISSION], sheet[seat, COMMISSION_LEAST])
        if value > dust + fee:
            units[seat], fixed[seat] = size, fee
            left -= value * (1.0 + sheet[seat, BUY_RATE]) + fee
    return left


@njit(cache=True, nogil=True, error_model="numpy")
def _share(sheet: Any, buying: Any, cash: Any, asked: Any) -> Any:
    """Return the factor by which all purchases are cut; 1 where the cash will do."""
    gross, fees, least = 0.0, 0.0, 0.0
    for seat in buying:
        value = asked[seat] * sheet[seat, PRICE] * (1.0 + sheet[seat, SLIPPAGE])
        gross += value * (1.0 + sheet[seat, BUY_RATE])
        fees += _topped_up(value, sheet[seat, BUY_COMMISSION], sheet[seat, COMMISSION_LEAST])
        least += sheet[seat, COMMISSION_LEAST]
    if gross + fees <= cash * SPARE:
        return 1.0
    return min(max(SPARE * (cash - least) / max(gross, 1e-300), 0.0), 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _sale_waits(sheet: Any, first: Any, stop: Any, value: Any, state: Any, note: Any) -> Any:
    """Return whether a sale of the book still waits, of any market, after what was done at a moment of one."""
    for seat in range(np.uint64(len(state))):
        waiting = state[seat, WAITS] > 0.0 and not (first <= seat < stop and note[seat, DONE] > 0.0)
        if waiting and state[seat, TARGET] * value < state[seat, HELD] * sheet[seat, MARK]:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _topped_up(value: Any, rate: Any, least: Any) -> Any:
    """Return what an order pays beyond its rate to reach the least commission."""
    return max(least - value * rate, 0.0) if value > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _lots(units: Any, lot: Any, up: Any) -> Any:
    """Return units in whole lots, rounded down after `up` of a lot is added; any amount where a lot is 0."""
    return np.floor(units / lot + up) * lot if lot > 0.0 else units


@njit(cache=True, nogil=True, error_model="numpy")
def worth(rows_before: Any, units: Any, cash: Any, prices: Any, capital: Any) -> Any:
    """Return what each book is worth at every close, shape (books, sessions).

    `rows_before[s]` is how many of the order rows lie at or before session s, `prices` (tickers, sessions) a unit's value.
    """
    books, tickers = units.shape[1:]
    sessions = prices.shape[1]
    found, held, ever = np.empty((sessions, books)), np.zeros((tickers, books)), np.zeros(tickers, np.bool_)
    left, row = np.full(books, capital), 0
    for session in range(sessions):
        while row < rows_before[session]:
            for seat in range(tickers):
                held[seat] += units[row, :, seat]
                ever[seat] = ever[seat] or held[seat].any()
            left = cash[row]
            row += 1
        found[session] = left
        for seat in range(tickers):
            if ever[seat]:
                for book in range(books):
                    found[session, book] += held[seat, book] * prices[seat, session]
    return np.ascontiguousarray(found.T)


@njit(cache=True, nogil=True, error_model="numpy")
def placed(sheets: Any, units: Any, ends: Any) -> Any:
    """Return size, price, rate, slippage and turn of every order, shape (rows, books × tickers).

    `sheets` are those of the rows, `units` is (rows, books, tickers), `ends` where each market's seats end; a size is NaN where
    nothing is ordered. In a book markets take turns as they are seated, and in a market sales come first.
    """
    rows, books, tickers = units.shape
    shape = (rows, books * tickers)
    size, price, rate, slip, turn = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, np.int64)
    for row in range(rows):
        sheet = sheets[row]
        for book in range(books):
            begin = 0
            for end in ends:
                sold, bought = book * tickers + begin, book * tickers + end
                for seat in range(begin, end):
                    bought -= 1 if units[row, book, seat] > 0.0 else 0
                for seat in range(begin, end):
                    if units[row, book, seat] > 0.0:
                        turn[row, bought] = seat
                        bought += 1
                    else:
                        turn[row, sold] = seat
                        sold += 1
                begin = end
            for seat in range(tickers):
                ordered, column = units[row, book, seat], book * tickers + seat
                size[row, column] = ordered if ordered != 0.0 else np.nan
                price[row, column] = 1.0 if np.isnan(sheet[seat, PRICE]) else sheet[seat, PRICE]
                rate[row, column] = sheet[seat, BUY_RATE] if ordered > 0.0 else sheet[seat, SELL_RATE]
                slip[row, column] = sheet[seat, SLIPPAGE]
    return size, price, rate, slip, turn


@njit(cache=True, nogil=True, error_model="numpy")
def unlike(
    row: Any, column: Any, side: Any, size: Any, price: Any, fees: Any, units: Any, capital: Any, within: Any, spent: Any
) -> Any:
    """Hold the kernel's records against what was ordered, `within` a part of it.

    Returns the first record (-1: none) that was filled with other units, how many orders there were, and each book's cash and
    turnover by the records. A purchase with the last of the cash ends at the kernel's own rounding: `spent`, of the capital and
    what was turned over before, for a book that has grown rounds more coarsely.
    """
    rows, books, tickers = units.shape
    cash, turnover, count = np.full(books, capital), np.zeros(books), 0
    for place in range(len(row)):
        book, seat = column[place] // tickers, column[place] % tickers
        filled = size[place] if side[place] == 0 else -size[place]
        ordered = units[row[place], book, seat]
        if abs(filled - ordered) > within * abs(ordered) + spent * (capital + turnover[book]) / price[place]:
            return place, count, cash, turnover
        flow = -filled * price[place] - fees[place]
        cash[book] += flow
        turnover[book] += abs(flow)
    for at in range(rows):
        for book in range(books):
            for seat in range(tickers):
                count += units[at, book, seat] != 0.0
    return -1, count, cash, turnover
