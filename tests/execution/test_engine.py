"""vectorbt's engine without the package around it: what it is told and what it gives, against the package's own."""

import sys

import numpy as np
import pytest

from backtest.execution import engine

BOOKS, TICKERS, ROWS = 3, 4, 12


def called(simulate, **named):
    """What an engine makes of some orders: bought on the first rows, sold again by halves."""
    chance = np.random.default_rng(5)
    shape = (ROWS, BOOKS * TICKERS)
    sold = np.arange(ROWS)[:, None] >= ROWS // 2
    price = chance.uniform(9.0, 11.0, shape)
    return simulate(
        shape, np.full(BOOKS, TICKERS), np.full(BOOKS, 1e6), np.tile(np.arange(TICKERS), (ROWS, BOOKS)),
        size=np.where(chance.random(shape) < 0.3, np.nan, np.where(sold, -10.0, 10.0 + np.arange(ROWS)[:, None])), price=price,
        size_type=np.asarray(engine.SIZE_TYPE_AMOUNT), direction=np.asarray(engine.DIRECTION_LONG_ONLY), val_price=price,
        close=price, fees=np.full(shape, 1e-3), fixed_fees=np.full(shape, 5.0), slippage=np.full(shape, 1e-4),
        auto_call_seq=False, max_orders=ROWS * BOOKS * TICKERS, max_logs=1, **named,
    )  # fmt: skip


def test_the_layouts_and_constants_are_those_of_vectorbt():
    from vectorbt.portfolio.enums import Direction, SizeType, log_dt, order_dt

    assert (order_dt, log_dt) == (engine.ORDER_RECORD, engine.LOG_RECORD)
    assert (SizeType.Amount, Direction.LongOnly) == (engine.SIZE_TYPE_AMOUNT, engine.DIRECTION_LONG_ONLY)


def test_the_records_are_those_of_vectorbts_own_call():
    from vectorbt.portfolio import dispatch

    theirs, _ = called(dispatch.simulate_from_orders, engine="rust")
    assert len(theirs) > ROWS
    assert called(engine.simulate_from_orders).tolist() == theirs.tolist()


@pytest.mark.parametrize("name", [engine.ENUMS, "vectorbt"])
def test_a_call_neither_loads_vectorbt_nor_leaves_anything_in_its_place(monkeypatch, name):
    import vectorbt

    expected = called(engine.simulate_from_orders).tolist()
    for module in [module for module in sys.modules if module == "vectorbt" or module.startswith("vectorbt.")]:
        monkeypatch.delitem(sys.modules, module)
    assert called(engine.simulate_from_orders).tolist() == expected
    assert name not in sys.modules
    monkeypatch.undo()
    assert sys.modules["vectorbt"] is vectorbt
