"""Orders in loops: what each of many books buys and sells at every moment, and what it is worth at every close.

Plain loops over books and tickers; `orders` says what is due when and reads what came back. Sums run in the order of the
tickers, so that a book comes out the same to the last bit whatever books are traded with it. A sheet holds the conditions of
one moment, a record of SHEET for each ticker; a record of POSITION is what a book holds and wants of one, a record of ORDER what
became of its order at a moment.

The loops are plain Python and run as such in a process that trades little: to load numba takes longer than the orders of a run,
and to compile them 10 s. `prepare`, called before each trade, compiles them in a process that has traded much. Both give the
same bits (tests/execution/test_kernel.py).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar, get_type_hints

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Seats: TypeAlias = npt.NDArray[np.uint64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Records: TypeAlias = npt.NDArray[np.void]
Loop = TypeVar("Loop", bound=Callable[..., object])

HALF_LOT = 0.5 + 1e-9
WITHIN = 1e-9  # of a book's value: what is missed by less is rounding; of its capital: no order is worth less
SPARE = 1.0 - 1e-12  # of the cash that a cut purchase may use: its parts are rounded
FILLED_WITHIN = 1e-9  # of an order, and of what a book turned over: vectorbt's own rounding
SPENT_WITHIN = 1e-11  # of a book's capital and turnover: a purchase with the last of the cash
FEW = 400_000  # tickers × books × moments that a process trades in plain Python: a second or two, a dozen runs
NOTHING, SUSPENDED, LIMIT_UP, LIMIT_DOWN, SHORT_OF_CASH, COSTS, BELOW_LEAST = 0, 1, 2, 3, 4, 5, 6  # why an order was not filled

SHEET = np.dtype(
    [
        (name, np.float64)
        for name in (
            "price", "mark", "lot", "least", "sealed_up", "sealed_down", "ends", "slippage", "buy_rate", "sell_rate",
            "buy_commission", "sell_commission", "commission_least", "activity", "activity_most",
        )
    ]
)  # fmt: skip
POSITION = np.dtype(
    [("units", np.float64), ("target", np.float64), ("waits", np.bool_), ("cut", np.bool_)], align=True
)  # units held; the weight wanted; whether an order waits; whether it waits for cash after a part was bought


class Order(NamedTuple):
    """What became of a ticker's order at a moment: a record of ORDER."""

    wanted: float  # units to hold after it
    size: float  # units to buy, below 0 to sell, before cash and costs cut them
    units: float  # bought, below 0 sold
    fixed: float  # fees that are no rate
    holding: float  # units after it
    cause: int
    waited: bool  # before the moment
    done: bool
    waits: bool  # after the moment


ORDER = np.dtype(
    [(name, {float: np.float64, int: np.int64, bool: np.bool_}[kind]) for name, kind in get_type_hints(Order).items()], align=True
)


class Moments(NamedTuple):
    """What is known of the moments: sheets (moments, tickers), each one's market, each market's first ticker and its end."""

    sheets: Records
    market: Integers
    seats: Seats


class Due(NamedTuple):
    """Decisions `number[start[m]:start[m + 1]]` fall due at moment m; `until` is each decision's last due moment."""

    start: Integers
    number: Integers
    until: Integers


class Round(NamedTuple):
    """One market's trading at one moment: its tickers, whether a sale may fall due later, the least value that trades."""

    first: np.uint64
    stop: np.uint64
    more_due: bool
    dust: float


class Traded(NamedTuple):
    """The moments at which any book traded, and by these units, fixed fees, cash, and the decision behind each ticker's order.

    Then, where they are noted, the moments with any work, the first book's value before each, and its orders.
    """

    rows: Integers
    units: Floats
    fixed: Floats
    cash: Floats
    decision: Integers
    worked: Integers
    value: Floats
    orders: Records


_loops: dict[str, Callable[..., object]] = {}  # those that are not compiled
_traded = 0  # tickers × books × moments so far


def loop(function: Loop) -> Loop:
    """Count a function among those that are compiled together."""
    _loops[function.__name__] = function
    return function


def prepare(cells: int) -> None:
    """Compile the loops before so many tickers × books × moments are traded, where plain Python would take longer."""
    global _traded
    _traded += cells
    if _traded > FEW:
        compile_loops()


def compile_loops() -> None:
    """Compile the loops, each when it is first called, or load what is kept of that; once for a process."""
    if _loops:
        from backtest.files.numba_cache import njit

        compiled = {name: njit(cache=True, nogil=True, error_model="numpy")(plain) for name, plain in _loops.items()}
        globals().update(compiled)
        _loops.clear()


@loop
def walk(moments: Moments, due: Due, targets: Floats, capital: float, noted: bool) -> Traded:
    """Trade every book of targets (decisions, books, tickers) through every moment; `noted` keeps the first book's orders."""
    (books, tickers), count = targets.shape[1:], len(moments.market)
    positions, cash, decision = np.zeros((books, tickers), POSITION), np.full(books, capital), np.full(tickers, -1)
    room, room_noted = 2 * len(due.number) + 8, count if noted else 1  # as many moments again are those of orders that wait
    rows, behind = np.zeros(count, np.int64), np.zeros((count, tickers), np.int64)
    units: Floats = np.empty((room, books, tickers))
    fixed = np.empty(units.shape)
    left: Floats = np.zeros((count, books))
    worked, value = np.zeros(room_noted, np.int64), np.zeros(room_noted)
    notes, spare = np.zeros((room_noted, tickers), ORDER), np.zeros(tickers, ORDER)
    queue = np.zeros((2, tickers), np.uint64)
    working, sales_until, row, note = np.zeros((len(moments.seats), books), np.bool_), -1, 0, 0
    for moment in range(count):
        here = moments.market[moment]
        first, stop = moments.seats[here, 0], moments.seats[here, 1]
        for number in due.number[due.start[moment] : due.start[moment + 1]]:
            sales_until = max(sales_until, due.until[number])
            _queue(first, stop, number, targets[number], positions, working[here], decision)
        ending = _any_ends(moments.sheets[moment], first, stop)
        if not ending and not _any(working[here]):
            continue
        if row == len(units):
            units, fixed = _longer(units), _longer(fixed)
        market, traded = Round(first, stop, sales_until > moment, WITHIN * capital), False
        for book in range(books):
            first_noted, orders = noted and book == 0, notes[note] if noted and book == 0 else spare
            if not (working[here, book] or ending or first_noted):
                _clear(units[row, book], fixed[row, book])
                continue  # nothing of it is due, and what it holds stays
            cash[book], before, moved, waits = _trade(moments.sheets[moment], market, cash[book], positions[book], orders, queue)
            _copy_fills(market, orders, units[row, book], fixed[row, book])
            traded, working[here, book] = traded or moved, waits
            if first_noted:
                worked[note], value[note] = moment, before
                _note_positions(orders, positions[0])
        note += 1 if noted else 0
        if traded:
            rows[row] = moment
            _copy_state(cash, decision, left[row], behind[row])
            row += 1
    return Traded(rows[:row], units[:row], fixed[:row], left[:row], behind[:row], worked[:note], value[:note], notes[:note])


@loop
def _longer(buffer: Floats) -> Floats:
    """Return a buffer of twice the rows with the same content, copied one by one: to compile a copy of slices takes seconds."""
    rows, books, tickers = buffer.shape
    grown = np.empty((2 * rows, books, tickers))
    for row in range(rows):
        for book in range(books):
            for seat in range(tickers):
                grown[row, book, seat] = buffer[row, book, seat]
    return grown


@loop
def _copy_state(cash: Floats, decision: Integers, left: Floats, behind: Integers) -> None:
    for book in range(len(cash)):
        left[book] = cash[book]
    for seat in range(len(decision)):
        behind[seat] = decision[seat]


@loop
def _copy_fills(market: Round, orders: Records, units: Floats, fixed: Floats) -> None:
    _clear(units, fixed)
    for seat in range(market.first, market.stop):
        units[seat], fixed[seat] = orders[seat]["units"], orders[seat]["fixed"]


@loop
def _clear(units: Floats, fixed: Floats) -> None:
    for seat in range(len(units)):
        units[seat], fixed[seat] = 0.0, 0.0


@loop
def _note_positions(orders: Records, positions: Records) -> None:
    for seat in range(len(positions)):
        orders[seat]["holding"], orders[seat]["waits"] = positions[seat]["units"], positions[seat]["waits"]


@loop
def _any(working: Flags) -> bool:
    """Return whether any book has an order that waits, in a loop: to compile `any` takes seconds."""
    some = False
    for book in range(len(working)):
        some = some or working[book]
    return some


@loop
def _any_ends(sheet: Records, first: np.uint64, stop: np.uint64) -> bool:
    """Return whether a ticker of a market has its last price at this moment."""
    ends = False
    for seat in range(first, stop):
        ends = ends or sheet[seat]["ends"] > 0.0
    return ends


@loop
def _queue(
    first: np.uint64, stop: np.uint64, number: int, targets: Floats, positions: Records, working: Flags, decision: Integers
) -> None:
    """Let a decision's orders of one market wait in place of older ones; note which books have one, and whose they are."""
    for seat in range(first, stop):
        decision[seat] = number
    for book in range(len(positions)):
        working[book] = False
        for seat in range(first, stop):
            waits = targets[book, seat] > 0.0 or positions[book, seat]["units"] > 0.0
            positions[book, seat]["target"] = targets[book, seat]
            positions[book, seat]["waits"], positions[book, seat]["cut"] = waits, False
            working[book] = working[book] or waits


@loop
def _trade(
    sheet: Records, market: Round, cash: float, positions: Records, orders: Records, queue: Seats
) -> tuple[float, float, bool, bool]:
    """Sell, then buy with what cash there is, whatever of a market's waiting orders can be traded.

    Returns the cash after it, the value before it, whether anything was traded, and whether anything still waits. What was cut
    for want of cash is kept while a sale may still bring some.
    """
    value = _value(sheet, cash, positions)
    sales, purchases = _size(sheet, market, value, positions, orders, queue)
    selling, buying, moved, waits = queue[0, :sales], queue[1, :purchases], False, False
    proceeds, gross = _sell(sheet, selling, market.dust, orders)
    afforded = _afforded(sheet, buying, cash + gross, positions, orders)
    cash = _buy(sheet, buying, cash + proceeds, market.dust, orders)
    for seat in range(market.first, market.stop):
        positions[seat]["units"] += orders[seat]["units"]
        moved = moved or orders[seat]["units"] != 0.0
    may_come = not afforded and (market.more_due or _sale_waits(sheet, market, _value(sheet, cash, positions), positions, orders))
    for seat in range(market.first, market.stop):
        lot, price = sheet[seat]["lot"], sheet[seat]["price"]
        missed = max(orders[seat]["size"], 0.0) - max(orders[seat]["units"], 0.0)
        short = missed > 0.0 and missed > (HALF_LOT * lot if lot > 0.0 else WITHIN * value / (1.0 if np.isnan(price) else price))
        waiting = positions[seat]["waits"] and not orders[seat]["done"]
        keep = orders[seat]["done"] and short and may_come
        if short:
            orders[seat]["cause"] = COSTS if afforded else SHORT_OF_CASH
        still = (waiting or keep) and sheet[seat]["ends"] == 0.0
        positions[seat]["waits"], waits = still, waits or still
        positions[seat]["cut"] = keep or (positions[seat]["cut"] and waiting)
        if keep:
            orders[seat]["done"] = False
    return cash, value, moved, waits


@loop
def _value(sheet: Records, cash: float, positions: Records) -> float:
    value = cash
    for seat in range(np.uint64(len(positions))):
        value += positions[seat]["units"] * sheet[seat]["mark"]
    return value


@loop
def _size(sheet: Records, market: Round, value: float, positions: Records, orders: Records, queue: Seats) -> tuple[int, int]:
    """Size every order of a market and queue the tickers to sell and to buy; return how many there are of each.

    Notes what is done, and why the rest is not.
    """
    sales, purchases = 0, 0
    for seat in range(market.first, market.stop):
        price, holding, ending = sheet[seat]["price"], positions[seat]["units"], sheet[seat]["ends"] > 0.0
        priced, waits = not np.isnan(price), positions[seat]["waits"]
        live = (waits and priced) or (ending and holding > 0.0)
        wanted = holding
        if live:
            wanted = 0.0 if ending else positions[seat]["target"] * value / price
        sell, buy = wanted < holding and (ending or not positions[seat]["cut"]), wanted > holding
        sealed = (buy and sheet[seat]["sealed_up"] > 0.0) or (sell and sheet[seat]["sealed_down"] > 0.0)
        size = _lots(abs(wanted - holding), sheet[seat]["lot"], 0.5) if (sell or buy) and not sealed else 0.0
        if sell and not sealed:
            size = min(holding if wanted == 0.0 else size, holding)
        small = size < sheet[seat]["least"] and not (sell and size == holding)
        size = 0.0 if small else size
        done = waits and live and not sealed
        cause = LIMIT_UP if sealed and buy else LIMIT_DOWN if sealed else NOTHING if priced else SUSPENDED
        queue[0, sales], queue[1, purchases] = seat, seat
        sales += sell and size > 0.0
        purchases += buy and size > 0.0
        orders[seat]["wanted"], orders[seat]["waited"], orders[seat]["done"] = wanted, waits, done
        orders[seat]["cause"] = BELOW_LEAST if small and done else cause
        orders[seat]["size"], orders[seat]["units"], orders[seat]["fixed"] = size if buy else -size, 0.0, 0.0
    return sales, purchases


@loop
def _sell(sheet: Records, selling: Seats, dust: float, orders: Records) -> tuple[float, float]:
    """Sell; return the proceeds after costs and before them. A sale worth less than its costs is left."""
    proceeds, gross = 0.0, 0.0
    for seat in selling:
        size, price = -orders[seat]["size"], sheet[seat]["price"]
        value = size * price * (1.0 - sheet[seat]["slippage"])
        fee = _topped_up(value, sheet[seat]["sell_commission"], sheet[seat]["commission_least"])
        fee += min(size * sheet[seat]["activity"], sheet[seat]["activity_most"])
        net = value * (1.0 - sheet[seat]["sell_rate"]) - fee
        if net > dust:
            proceeds += net
            gross += size * price
            orders[seat]["units"], orders[seat]["fixed"] = -size, fee
    return proceeds, gross


@loop
def _afforded(sheet: Records, buying: Seats, gross: float, positions: Records, orders: Records) -> bool:
    """Return whether what is wanted could be had but for the costs of the sales and the rounding to lots."""
    needed = 0.0
    for seat in buying:
        needed += (orders[seat]["wanted"] - positions[seat]["units"]) * sheet[seat]["price"]
        gross += sheet[seat]["lot"] * sheet[seat]["price"] / 2.0
    return needed <= gross * (1.0 + WITHIN)


@loop
def _buy(sheet: Records, buying: Seats, cash: float, dust: float, orders: Records) -> float:
    """Buy, all cut by one factor and then to whole lots where the cash falls short; return the cash left."""
    share, left = _share(sheet, buying, cash, orders), cash
    for seat in buying:
        size = orders[seat]["size"]
        if share < 1.0:
            size = _lots(size * share, sheet[seat]["lot"], WITHIN)
            size = 0.0 if size < sheet[seat]["least"] else size
        value = size * sheet[seat]["price"] * (1.0 + sheet[seat]["slippage"])
        fee = _topped_up(value, sheet[seat]["buy_commission"], sheet[seat]["commission_least"])
        if value > dust + fee:
            orders[seat]["units"], orders[seat]["fixed"] = size, fee
            left -= value * (1.0 + sheet[seat]["buy_rate"]) + fee
    return left


@loop
def _share(sheet: Records, buying: Seats, cash: float, orders: Records) -> float:
    """Return the factor by which all purchases are cut; 1 where the cash will do."""
    gross, fees, least = 0.0, 0.0, 0.0
    for seat in buying:
        value = orders[seat]["size"] * sheet[seat]["price"] * (1.0 + sheet[seat]["slippage"])
        gross += value * (1.0 + sheet[seat]["buy_rate"])
        fees += _topped_up(value, sheet[seat]["buy_commission"], sheet[seat]["commission_least"])
        least += sheet[seat]["commission_least"]
    if gross + fees <= cash * SPARE:
        return 1.0
    return min(max(SPARE * (cash - least) / max(gross, 1e-300), 0.0), 1.0)


@loop
def _sale_waits(sheet: Records, market: Round, value: float, positions: Records, orders: Records) -> bool:
    """Return whether a sale of the book still waits, of any market, after what was done at a moment of one."""
    for seat in range(np.uint64(len(positions))):
        waiting = positions[seat]["waits"] and not (market.first <= seat < market.stop and orders[seat]["done"])
        if waiting and positions[seat]["target"] * value < positions[seat]["units"] * sheet[seat]["mark"]:
            return True
    return False


@loop
def _topped_up(value: float, rate: float, least: float) -> float:
    """Return what an order pays beyond its rate to reach the least commission."""
    return max(least - value * rate, 0.0) if value > 0.0 else 0.0


@loop
def _lots(units: float, lot: float, up: float) -> float:
    """Return units in whole lots, rounded down after `up` of a lot is added; any amount where a lot is 0."""
    return np.floor(units / lot + up) * lot if lot > 0.0 else units


@loop
def worth(rows_before: Integers, units: Floats, cash: Floats, prices: Floats, capital: float) -> Floats:
    """Return what each book is worth at every close, shape (books, sessions).

    `rows_before[s]` is how many of the order rows lie at or before session s, `prices` (tickers, sessions) a unit's value.
    """
    books, tickers = units.shape[1:]
    sessions = prices.shape[1]
    values, holdings, ever = np.zeros((sessions, books)), np.zeros((tickers, books)), np.zeros(tickers, np.bool_)
    left, row = np.full(books, capital), 0
    for session in range(sessions):
        while row < rows_before[session]:
            for seat in range(tickers):
                for book in range(books):
                    holdings[seat, book] += units[row, book, seat]
                    ever[seat] = ever[seat] or holdings[seat, book] != 0.0
            for book in range(books):
                left[book] = cash[row, book]
            row += 1
        for book in range(books):
            values[session, book] = left[book]
        for seat in range(tickers):
            if ever[seat]:
                for book in range(books):
                    values[session, book] += holdings[seat, book] * prices[seat, session]
    return np.ascontiguousarray(values.T)


class Placed(NamedTuple):
    """Size, price, rate, fixed fee, slippage and turn of every order, shape (lines, books × tickers), and how many there are.

    A size is NaN where there is no order.
    """

    size: Floats
    price: Floats
    rate: Floats
    fixed: Floats
    slippage: Floats
    turn: Integers
    orders: int


@loop
def placed(sheets: Records, rows: Integers, lines: Integers, seats: Seats, units: Floats, fixed: Floats) -> Placed:
    """Return orders as vectorbt takes them: those of moments `rows`, `units` and `fixed` (rows, books, tickers).

    `lines` (lines, markets) has the number of each market's row on a line, -1 where it has none. In a book markets take turns as
    they are seated, and in a market sales come first.
    """
    books, tickers = units.shape[1:]
    shape = (len(lines), books * tickers)
    size, price, rate, fees, slip = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    turn: Integers = np.empty(shape, np.int64)
    count, zero, unit = 0, np.uint64(0), np.uint64(1)
    for line in range(len(lines)):
        for book in range(books):
            begin = np.uint64(book * tickers)
            for market in range(len(seats)):
                first, stop, there = seats[market, 0], seats[market, 1], lines[line, market] >= 0
                row = np.uint64(lines[line, market]) if there else zero
                sold, bought = begin + first, begin + stop
                for seat in range(first, stop):
                    bought -= unit if there and units[row, book, seat] > 0.0 else zero
                for seat in range(first, stop):
                    column, terms, ordered = begin + seat, sheets[rows[row], seat], units[row, book, seat] if there else 0.0
                    if ordered > 0.0:
                        turn[line, bought] = seat
                        bought += unit
                    else:
                        turn[line, sold] = seat
                        sold += unit
                    size[line, column] = ordered if ordered != 0.0 else np.nan
                    price[line, column] = terms["price"] if there and not np.isnan(terms["price"]) else 1.0
                    rate[line, column] = terms["buy_rate"] if ordered > 0.0 else terms["sell_rate"]
                    fees[line, column] = fixed[row, book, seat] if there else 0.0
                    slip[line, column] = terms["slippage"]
                    count += ordered != 0.0
    return Placed(size, price, rate, fees, slip, turn, count)


class Fills(NamedTuple):
    """The first record filled with other units than ordered (-1: none), and each book's cash and turnover by the records."""

    first_other: int
    cash: Floats
    turnover: Floats


@loop
def checked_fills(records: Records, size: Floats, books: int, capital: float) -> Fills:
    """Compare vectorbt's records with the units ordered, shape (lines, books × tickers).

    A purchase with the last of the cash ends at vectorbt's own rounding: SPENT_WITHIN of the capital and what was turned over
    before, for a book that has grown rounds more coarsely.
    """
    cash, turnover = np.full(books, capital), np.zeros(books)
    book_of: Integers = np.repeat(np.arange(books), size.shape[1] // books)
    for number in range(len(records)):
        record = records[number]
        column, price = record["col"], record["price"]
        book, filled = book_of[column], record["size"] if record["side"] == 0 else -record["size"]
        ordered = size[record["idx"], column]
        rounding = SPENT_WITHIN * (capital + turnover[book])
        if not abs(filled - ordered) * price <= FILLED_WITHIN * abs(ordered) * price + rounding:
            return Fills(number, cash, turnover)
        flow = -filled * price - record["fees"]
        cash[book] += flow
        turnover[book] += abs(flow)
    return Fills(-1, cash, turnover)
