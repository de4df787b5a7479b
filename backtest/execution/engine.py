"""vectorbt's compiled engine, called without the package around it, which takes longer to load than a run's orders to fill.

The engine asks the package for one thing, how its records are laid out. Unless the package is loaded already, it is told that
here for as long as a call takes. tests/execution/test_engine.py compares what is told and given with the package's own.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

SIZE_TYPE_AMOUNT, DIRECTION_LONG_ONLY = 0, 0
ENUMS = "vectorbt.portfolio.enums"
WHOLE, FLOAT, FLAG = np.int64, np.float64, np.bool_
ORDER_RECORD = np.dtype(
    [("id", WHOLE), ("col", WHOLE), ("idx", WHOLE), ("size", FLOAT), ("price", FLOAT), ("fees", FLOAT), ("side", WHOLE)],
    align=True,
)
LOG_RECORD = np.dtype(
    [
        *((name, WHOLE) for name in ("id", "group", "col", "idx")),
        *((name, FLOAT) for name in ("cash", "position", "debt", "free_cash", "val_price", "value", "req_size", "req_price")),
        *((name, WHOLE) for name in ("req_size_type", "req_direction")),
        *((name, FLOAT) for name in ("req_fees", "req_fixed_fees", "req_slippage", "req_min_size", "req_max_size")),
        *((name, FLOAT) for name in ("req_size_granularity", "req_reject_prob")),
        *((name, FLAG) for name in ("req_lock_cash", "req_allow_partial", "req_raise_reject", "req_log")),
        *((name, FLOAT) for name in ("new_cash", "new_position", "new_debt", "new_free_cash", "new_val_price", "new_value")),
        *((name, FLOAT) for name in ("res_size", "res_price", "res_fees")),
        *((name, WHOLE) for name in ("res_side", "res_status", "res_status_info", "order_id")),
    ],
    align=True,
)
# What `vectorbt.portfolio.dispatch.simulate_from_orders` gives the engine where its caller gives nothing.
DEFAULTS = {
    "min_size": np.asarray(0.0),
    "max_size": np.asarray(np.inf),
    "size_granularity": np.asarray(np.nan),
    "reject_prob": np.asarray(0.0),
    "lock_cash": np.asarray(False),
    "allow_partial": np.asarray(True),
    "raise_reject": np.asarray(False),
    "log": np.asarray(False),
}
_call = Lock()


def simulate_from_orders(*arguments: Any, **options: Any) -> np.ndarray:
    """Return the order records of the engine for the arguments of `vectorbt.portfolio.dispatch.simulate_from_orders`.

    The arrays must have the types that the engine takes: nothing is converted.
    """
    from vectorbt_rust import portfolio

    with _layouts_told():
        records, _ = portfolio.simulate_from_orders_rs(*arguments, **DEFAULTS | options)
    return np.asarray(records)


@contextmanager
def _layouts_told() -> Iterator[None]:
    if "vectorbt" in sys.modules and sys.modules["vectorbt"] is not _package:
        yield
        return
    with _call:
        sys.modules |= {_package.__name__: _package, ENUMS: _enums}
        try:
            yield
        finally:
            for module in (_package, _enums):
                sys.modules.pop(module.__name__, None)


_package, _enums = ModuleType("vectorbt"), ModuleType(ENUMS)
_enums.__dict__.update(order_dt=ORDER_RECORD, log_dt=LOG_RECORD)
