"""Orders in loops: what each of many books buys and sells at every moment, and what it is worth at every close.

Plain loops over tickers and books; `orders` says what is due when and reads what came back. Books lie side by side in blocks of
LANES, and the inner loops have no branch, so that the processor takes several books with one instruction. Each adds up in the
order of the tickers and comes out the same to the last bit whatever books are traded with it.

A sheet holds the conditions of one moment, a record of SHEET for each ticker. A record of POSITION is what the books of a block
hold and want of a ticker, a record of STATE what else they have, and a record of ORDER what became of an order of the first book.

The loops are plain Python and run as such in a process that trades little: to load numba takes longer than the orders of a run,
and to compile them 10 s. `prepare`, called before each trade, compiles them in a process that has traded much. Both give the
same bits (tests/execution/test_kernel.py). They stand in one file because numba keeps compiled code by the file of the function
that is called, and does not see that one that it calls has changed in another.
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
            "price", "mark", "lot", "least", "sealed_up", "sealed_down", "ends", "buy_rate", "sell_rate",
            "buy_commission", "sell_commission", "commission_least", "activity", "activity_most",
        )
    ]
)  # fmt: skip
LANES = 16  # books of a block
# Units held and the weight wanted; whether an order waits (1 or 0), and for cash after a part was bought; the rest as in Order.
POSITION = np.dtype(
    [(name, np.float64, LANES) for name in ("units", "target", "waits", "cut", "wanted", "size", "traded", "fixed", "done")]
    + [("cause", np.int64, LANES)]
)
# Cash and value; what sales bring after costs and before them; what purchases need, cost and are cut to; whether cash lacks for
# them and a sale may bring it (1 or 0); value after the purchases, and whether a sale waits.
STATE = np.dtype(
    [
        (name, np.float64, LANES)
        for name in (
            "cash", "value", "proceeds", "gross", "needed", "spent", "fees", "least", "share", "lacks", "expects",
            "later", "sales",
        )
    ]
)  # fmt: skip


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
    """What is known of the moments: sheets and slippage (moments, tickers), and each one's market.

    `ends` says whether a ticker has its last price there; `seats` has each market's first ticker and its end.
    """

    sheets: Records
    slippage: Floats
    market: Integers
    ends: Flags
    seats: Seats


class Due(NamedTuple):
    """Decisions `number[start[m]:start[m + 1]]` fall due at moment m; `until` is each decision's last due moment."""

    start: Integers
    number: Integers
    until: Integers


class Round(NamedTuple):
    """One market's trading at one moment: its tickers, all slippage, whether a sale may fall due later, the least that trades."""

    first: np.uint64
    stop: np.uint64
    slippage: Floats
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
    """Trade every book of targets (decisions, tickers, books) through every moment; `noted` keeps the first book's orders."""
    (tickers, books), count = targets.shape[1:], len(moments.market)
    blocks, decision = (books + LANES - 1) // LANES, np.full(tickers, -1)
    positions, states = np.zeros((blocks, tickers), POSITION), np.zeros(blocks, STATE)
    _pay_in(capital, states)
    room, room_noted = 2 * len(due.number) + 8, count if noted else 1  # as many moments again are those of orders that wait
    rows, behind, left = np.zeros(count, np.int64), np.empty((count, tickers), np.int64), np.empty((count, books))
    units: Floats = np.empty((room, tickers, books))
    fixed = np.empty(units.shape)
    worked, value, notes = np.zeros(room_noted, np.int64), np.zeros(room_noted), np.zeros((room_noted, tickers), ORDER)
    working, sales_until, row, note = np.zeros((len(moments.seats), blocks), np.bool_), -1, 0, 0
    for moment in range(count):
        here = moments.market[moment]
        first, stop = moments.seats[here, 0], moments.seats[here, 1]
        for number in due.number[due.start[moment] : due.start[moment + 1]]:
            sales_until = max(sales_until, due.until[number])
            _queue(first, stop, number, targets[number], positions, working[here], decision)
        sheet, ending = moments.sheets[moment], moments.ends[moment]
        if not ending and not _any(working[here]):
            continue
        if row == len(units):
            units, fixed = _longer(units), _longer(fixed)
        market, traded = Round(first, stop, moments.slippage[moment], sales_until > moment, WITHIN * capital), False
        if noted:
            _note_waiting(market, positions[0], notes[note])
        for block in range(blocks):
            begin = block * LANES
            works, lanes = working[here, block] or ending or (noted and block == 0), min(LANES, books - begin)
            if works:  # else nothing of it is due, and what it holds stays
                moved, working[here, block] = _trade(sheet, market, lanes, states[block], positions[block])
                traded = traded or moved
            _copy_fills(market, works, lanes, begin, positions[block], units[row], fixed[row])
        if noted:
            worked[note], value[note] = moment, states[0]["value"][0]
            _note_orders(market, positions[0], notes[note])
            note += 1
        if traded:
            rows[row] = moment
            _copy_state(states, decision, left[row], behind[row])
            row += 1
    return Traded(rows[:row], units[:row], fixed[:row], left[:row], behind[:row], worked[:note], value[:note], notes[:note])


@loop
def _longer(buffer: Floats) -> Floats:
    """Return a buffer of twice the rows with the same content, copied one by one: to compile a copy of slices takes seconds."""
    rows, tickers, books = buffer.shape
    grown = np.empty((2 * rows, tickers, books))
    for row in range(rows):
        for seat in range(tickers):
            for book in range(books):
                grown[row, seat, book] = buffer[row, seat, book]
    return grown


@loop
def _pay_in(capital: float, states: Records) -> None:
    for block in range(len(states)):
        for lane in range(LANES):
            states[block]["cash"][lane] = capital


@loop
def _copy_state(states: Records, decision: Integers, left: Floats, behind: Integers) -> None:
    for book in range(len(left)):
        left[book] = states[book // LANES]["cash"][book % LANES]
    for seat in range(len(decision)):
        behind[seat] = decision[seat]


@loop
def _copy_fills(market: Round, works: bool, lanes: int, begin: int, positions: Records, units: Floats, fixed: Floats) -> None:
    for seat in range(np.uint64(len(positions))):
        traded, fees, here = positions[seat]["traded"], positions[seat]["fixed"], works and market.first <= seat < market.stop
        for lane in range(lanes):
            units[seat, begin + lane] = traded[lane] if here else 0.0
            fixed[seat, begin + lane] = fees[lane] if here else 0.0


@loop
def _note_waiting(market: Round, positions: Records, orders: Records) -> None:
    for seat in range(market.first, market.stop):
        orders[seat]["waited"] = positions[seat]["waits"][0] > 0.0


@loop
def _note_orders(market: Round, positions: Records, orders: Records) -> None:
    for seat in range(market.first, market.stop):
        order, position = orders[seat], positions[seat]
        order["wanted"], order["size"], order["units"] = position["wanted"][0], position["size"][0], position["traded"][0]
        order["fixed"], order["cause"], order["done"] = position["fixed"][0], position["cause"][0], position["done"][0] > 0.0
    for seat in range(len(positions)):
        orders[seat]["holding"], orders[seat]["waits"] = positions[seat]["units"][0], positions[seat]["waits"][0] > 0.0


@loop
def _any(working: Flags) -> bool:
    """Return whether any book has an order that waits, in a loop: to compile `any` takes seconds."""
    some = False
    for block in range(len(working)):
        some = some or working[block]
    return some


@loop
def _queue(
    first: np.uint64, stop: np.uint64, number: int, targets: Floats, positions: Records, working: Flags, decision: Integers
) -> None:
    """Let a decision's orders of one market wait in place of older ones; note which blocks have one, and whose they are."""
    for seat in range(first, stop):
        decision[seat] = number
    for block in range(len(positions)):
        begin, count = block * LANES, 0
        for seat in range(first, stop):
            position = positions[block, seat]
            units, target, waits, cut = position["units"], position["target"], position["waits"], position["cut"]
            for lane in range(min(LANES, targets.shape[1] - begin)):
                target[lane], cut[lane] = targets[seat, begin + lane], 0.0
                waits[lane] = 1.0 if (target[lane] > 0.0) | (units[lane] > 0.0) else 0.0
                count += waits[lane] > 0.0
        working[block] = count > 0


@loop
def _trade(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> tuple[bool, bool]:
    """Sell, then buy with what cash there is, whatever of a market's waiting orders can be traded.

    Returns whether anything was traded, and whether anything still waits. What was cut for want of cash is kept while a sale may
    still bring some.
    """
    _value(sheet, lanes, state["cash"], positions, state["value"])
    _size(sheet, market, lanes, state["value"], positions)
    _sell(sheet, market, lanes, state, positions)
    _afford(sheet, market, lanes, state, positions)
    moved = _buy(sheet, market, lanes, state, positions)
    _expect(sheet, market, lanes, state, positions)
    return moved, _keep(sheet, market, lanes, state, positions)


@loop
def _value(sheet: Records, lanes: int, cash: Floats, positions: Records, value: Floats) -> None:
    for lane in range(lanes):
        value[lane] = cash[lane]
    for seat in range(np.uint64(len(positions))):
        units, mark = positions[seat]["units"], sheet[seat]["mark"]
        for lane in range(lanes):
            value[lane] += units[lane] * mark


@loop
def _size(sheet: Records, market: Round, lanes: int, value: Floats, positions: Records) -> None:
    """Size every order of a market; note what is done, and why the rest is not."""
    for seat in range(market.first, market.stop):
        terms, position = sheet[seat], positions[seat]
        units, target, waits, cut = position["units"], position["target"], position["waits"], position["cut"]
        wanted, ordered, done, cause = position["wanted"], position["size"], position["done"], position["cause"]
        price, lot, least, ending = terms["price"], terms["lot"], terms["least"], terms["ends"] > 0.0
        priced, up, down = not np.isnan(price), terms["sealed_up"] > 0.0, terms["sealed_down"] > 0.0
        otherwise = NOTHING if priced else SUSPENDED
        for lane in range(lanes):
            holding, waiting = units[lane], waits[lane] > 0.0
            share = 0.0 if ending else target[lane] * value[lane] / price
            live = (waiting & priced) | (ending & (holding > 0.0))
            aim = share if live else holding
            sells, buys = (aim < holding) & (ending | (cut[lane] == 0.0)), aim > holding
            sealed = (buys & up) | (sells & down)
            tradable = (sells | buys) & (not sealed)
            lots = _lots(abs(aim - holding), lot, 0.5)
            size = lots if tradable else 0.0
            most = holding if aim == 0.0 else min(size, holding)
            size = most if sells & tradable else size
            small = (size < least) & (not (sells & (size == holding)))
            size = 0.0 if small else size
            completed = waiting & live & (not sealed)
            why = LIMIT_UP if sealed & buys else LIMIT_DOWN if sealed else otherwise
            wanted[lane], ordered[lane], done[lane] = aim, size if buys else -size, 1.0 if completed else 0.0
            cause[lane] = BELOW_LEAST if small & completed else why


@loop
def _sell(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> None:
    """Sell; note the proceeds after costs and before them. A sale worth less than its costs is left."""
    proceeds, gross, dust = state["proceeds"], state["gross"], market.dust
    for lane in range(lanes):
        proceeds[lane], gross[lane] = 0.0, 0.0
    for seat in range(market.first, market.stop):
        terms, position = sheet[seat], positions[seat]
        ordered, traded, fixed = position["size"], position["traded"], position["fixed"]
        price, worse, rate = terms["price"], 1.0 - market.slippage[seat], 1.0 - terms["sell_rate"]
        commission, least = terms["sell_commission"], terms["commission_least"]
        activity, activity_most = terms["activity"], terms["activity_most"]
        for lane in range(lanes):
            size = -ordered[lane]
            value = size * price * worse
            fee = _topped_up(value, commission, least) + min(size * activity, activity_most)
            net = value * rate - fee
            sells = (size > 0.0) & (net > dust)
            proceeds[lane] += net if sells else 0.0
            gross[lane] += size * price if sells else 0.0
            traded[lane], fixed[lane] = -size if sells else 0.0, fee if sells else 0.0


@loop
def _afford(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> None:
    """Note by what factor all purchases are cut, 1 where the cash will do, and whether a sale could bring what they lack.

    It could where what is wanted could not be had but for the costs of the sales and the rounding to lots.
    """
    cash, proceeds, gross, needed = state["cash"], state["proceeds"], state["gross"], state["needed"]
    spent, fees, least, share = state["spent"], state["fees"], state["least"], state["share"]
    lacks, expects = state["lacks"], state["expects"]
    for lane in range(lanes):
        gross[lane] = cash[lane] + gross[lane]
        cash[lane] += proceeds[lane]
        needed[lane], spent[lane], fees[lane], least[lane] = 0.0, 0.0, 0.0, 0.0
    for seat in range(market.first, market.stop):
        terms, position = sheet[seat], positions[seat]
        units, wanted, ordered = position["units"], position["wanted"], position["size"]
        price, worse, rate = terms["price"], 1.0 + market.slippage[seat], 1.0 + terms["buy_rate"]
        half = terms["lot"] * price / 2.0
        commission, smallest = terms["buy_commission"], terms["commission_least"]
        for lane in range(lanes):
            buys = ordered[lane] > 0.0
            value = ordered[lane] * price * worse
            needed[lane] += (wanted[lane] - units[lane]) * price if buys else 0.0
            gross[lane] += half if buys else 0.0
            spent[lane] += value * rate if buys else 0.0
            fees[lane] += _topped_up(value, commission, smallest) if buys else 0.0
            least[lane] += smallest if buys else 0.0
    for lane in range(lanes):
        lacks[lane] = 0.0 if needed[lane] <= gross[lane] * (1.0 + WITHIN) else 1.0
        expects[lane] = lacks[lane]
        cut = min(max(SPARE * (cash[lane] - least[lane]) / (spent[lane] if spent[lane] > 0.0 else 1.0), 0.0), 1.0)
        share[lane] = 1.0 if spent[lane] + fees[lane] <= cash[lane] * SPARE else cut


@loop
def _buy(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> bool:
    """Buy, all cut by one factor and then to whole lots where the cash falls short; return whether anything was traded."""
    cash, share, dust, fills = state["cash"], state["share"], market.dust, 0
    for seat in range(market.first, market.stop):
        terms, position = sheet[seat], positions[seat]
        units, ordered, traded, fixed = position["units"], position["size"], position["traded"], position["fixed"]
        price, lot, least = terms["price"], terms["lot"], terms["least"]
        worse, rate = 1.0 + market.slippage[seat], 1.0 + terms["buy_rate"]
        commission, smallest = terms["buy_commission"], terms["commission_least"]
        for lane in range(lanes):
            size = ordered[lane]
            part = _lots(size * share[lane], lot, WITHIN)
            part = 0.0 if part < least else part
            part = part if share[lane] < 1.0 else size
            value = part * price * worse
            fee = _topped_up(value, commission, smallest)
            buys = (size > 0.0) & (value > dust + fee)
            cash[lane] -= value * rate + fee if buys else 0.0
            filled = part if buys else traded[lane]
            units[lane] += filled
            traded[lane], fixed[lane] = filled, fee if buys else fixed[lane]
            fills += filled != 0.0
    return fills > 0


@loop
def _expect(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> None:
    """Note where no sale can bring what purchases lack: none falls due later, and none of the book waits, of any market."""
    expects, value, sales, count = state["expects"], state["later"], state["sales"], 0
    for lane in range(lanes):
        count += expects[lane] > 0.0
    if market.more_due or count == 0:
        return
    _value(sheet, lanes, state["cash"], positions, value)
    for lane in range(lanes):
        sales[lane] = 0.0
    for seat in range(np.uint64(len(positions))):
        position, mark, here = positions[seat], sheet[seat]["mark"], market.first <= seat < market.stop
        units, target, waits, done = position["units"], position["target"], position["waits"], position["done"]
        for lane in range(lanes):
            waiting = (waits[lane] > 0.0) & (not (here & (done[lane] > 0.0)))
            sells = waiting & (target[lane] * value[lane] < units[lane] * mark)
            sales[lane] = 1.0 if sells else sales[lane]
    for lane in range(lanes):
        expects[lane] = min(expects[lane], sales[lane])


@loop
def _keep(sheet: Records, market: Round, lanes: int, state: Records, positions: Records) -> bool:
    """Keep what waits, and what was cut for want of cash while a sale may still bring some; return whether anything waits."""
    value, expects, lacks, count = state["value"], state["expects"], state["lacks"], 0
    for seat in range(market.first, market.stop):
        terms, position = sheet[seat], positions[seat]
        waits, cut, ordered, traded = position["waits"], position["cut"], position["size"], position["traded"]
        done, cause = position["done"], position["cause"]
        lot, price, going = terms["lot"], 1.0 if np.isnan(terms["price"]) else terms["price"], terms["ends"] == 0.0
        for lane in range(lanes):
            missed = max(ordered[lane], 0.0) - max(traded[lane], 0.0)
            least = HALF_LOT * lot if lot > 0.0 else WITHIN * value[lane] / price
            short, completed = (missed > 0.0) & (missed > least), done[lane] > 0.0
            waiting, keeps = (waits[lane] > 0.0) & (not completed), completed & short & (expects[lane] > 0.0)
            still = (waiting | keeps) & going
            cause[lane] = (SHORT_OF_CASH if lacks[lane] > 0.0 else COSTS) if short else cause[lane]
            waits[lane] = 1.0 if still else 0.0
            cut[lane] = 1.0 if keeps | ((cut[lane] > 0.0) & waiting) else 0.0
            done[lane] = 0.0 if keeps else done[lane]
            count += still
    return count > 0


@loop
def _topped_up(value: float, rate: float, least: float) -> float:
    """Return what an order pays beyond its rate to reach the least commission."""
    return max(least - value * rate, 0.0) if value > 0.0 else 0.0


@loop
def _lots(units: float, lot: float, up: float) -> float:
    """Return units in whole lots, rounded down after `up` of a lot is added; any amount where a lot is 0."""
    size = lot if lot > 0.0 else 1.0
    whole = np.floor(units / size + up) * size
    return whole if lot > 0.0 else units


@loop
def worth(rows_before: Integers, units: Floats, cash: Floats, prices: Floats, capital: float) -> Floats:
    """Return what each book is worth at every close, shape (books, sessions).

    `rows_before[s]` is how many of the order rows lie at or before session s, `prices` (tickers, sessions) a unit's value.
    """
    tickers, books = units.shape[1:]
    sessions = prices.shape[1]
    values, holdings, ever = np.empty((sessions, books)), np.zeros((tickers, books)), np.zeros(tickers, np.bool_)
    left, row = np.full(books, capital), 0
    for session in range(sessions):
        while row < rows_before[session]:
            for seat in range(tickers):
                count = 0
                for book in range(books):
                    holdings[seat, book] += units[row, seat, book]
                    count += holdings[seat, book] != 0.0
                ever[seat] = ever[seat] or count > 0
            for book in range(books):
                left[book] = cash[row, book]
            row += 1
        for book in range(books):
            values[session, book] = left[book]
        for seat in range(tickers):
            if ever[seat]:
                price = prices[seat, session]
                for book in range(books):
                    values[session, book] += holdings[seat, book] * price
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
def placed(moments: Moments, rows: Integers, lines: Integers, units: Floats, fixed: Floats) -> Placed:
    """Return orders as vectorbt takes them: those of moments `rows`, `units` and `fixed` (rows, tickers, books).

    `lines` (lines, markets) has the number of each market's row on a line, -1 where it has none. In a book markets take turns as
    they are seated, and in a market sales come first.
    """
    tickers, books = units.shape[1:]
    shape = (len(lines), books * tickers)
    size, price, rate, fees, slip = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    turn: Integers = np.empty(shape, np.int64)
    count, unit = 0, np.uint64(1)
    for line in range(len(lines)):
        for market in range(len(moments.seats)):
            first, stop, row = moments.seats[market, 0], moments.seats[market, 1], lines[line, market]
            for book in range(books):
                begin = np.uint64(book * tickers)
                if row < 0:
                    for seat in range(first, stop):
                        column = begin + seat
                        size[line, column], price[line, column], turn[line, column] = np.nan, 1.0, seat
                        rate[line, column], fees[line, column], slip[line, column] = 0.0, 0.0, 0.0
                    continue
                sold, bought, moment = begin + first, begin + stop, rows[row]
                for seat in range(first, stop):
                    bought -= unit if units[row, seat, book] > 0.0 else unit - unit
                for seat in range(first, stop):
                    column, terms, ordered = begin + seat, moments.sheets[moment, seat], units[row, seat, book]
                    step = unit if ordered > 0.0 else unit - unit
                    turn[line, bought if ordered > 0.0 else sold] = seat
                    bought, sold = bought + step, sold + unit - step
                    size[line, column] = ordered if ordered != 0.0 else np.nan
                    price[line, column] = 1.0 if np.isnan(terms["price"]) else terms["price"]
                    rate[line, column] = terms["buy_rate"] if ordered > 0.0 else terms["sell_rate"]
                    fees[line, column], slip[line, column] = fixed[row, seat, book], moments.slippage[moment, seat]
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
    cash, turnover, book_of = np.full(books, capital), np.zeros(books), np.empty(size.shape[1], np.int64)
    for column in range(size.shape[1]):
        book_of[column] = column // (size.shape[1] // books)
    book, left, turned = 0, capital, 0.0  # of the book whose records are read: they follow each other
    for number in range(len(records)):
        record = records[number]
        column, price = record["col"], record["price"]
        if book_of[column] != book:
            cash[book], turnover[book] = left, turned
            book = book_of[column]
            left, turned = cash[book], turnover[book]
        filled, ordered = record["size"] if record["side"] == 0 else -record["size"], size[record["idx"], column]
        rounding = SPENT_WITHIN * (capital + turned)
        if not abs(filled - ordered) * price <= FILLED_WITHIN * abs(ordered) * price + rounding:
            return Fills(number, cash, turnover)
        flow = -filled * price - record["fees"]
        left += flow
        turned += abs(flow)
    cash[book], turnover[book] = left, turned
    return Fills(-1, cash, turnover)
