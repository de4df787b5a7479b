"""The types of vectorbt's records, for its compiled kernel, without the two seconds that importing all of vectorbt takes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

INTEGERS: tuple[str, ...] = ("id", "group", "col", "idx", "side", "order_id", "req_size_type", "req_direction")
INTEGERS += ("res_side", "res_status", "res_status_info")
FLAGS = ("req_lock_cash", "req_allow_partial", "req_raise_reject", "req_log")


def _record(fields: str) -> np.dtype:
    kinds = dict.fromkeys(INTEGERS, "i8") | dict.fromkeys(FLAGS, "?")
    return np.dtype([(name, kinds.get(name, "f8")) for name in fields.split()], align=True)


ORDER = _record("id col idx size price fees side")
LOG = _record(
    "id group col idx cash position debt free_cash val_price value req_size req_price req_size_type req_direction req_fees "
    "req_fixed_fees req_slippage req_min_size req_max_size req_size_granularity req_reject_prob req_lock_cash req_allow_partial "
    "req_raise_reject req_log new_cash new_position new_debt new_free_cash new_val_price new_value res_size res_price res_fees "
    "res_side res_status res_status_info order_id"
)
MODULES = ("vectorbt", "vectorbt.portfolio", "vectorbt.portfolio.enums")


@contextmanager
def record_types() -> Iterator[None]:
    """Let the kernel find the types that it asks `vectorbt.portfolio.enums` for, whether vectorbt is imported or not."""
    if MODULES[0] in sys.modules:
        yield
        return
    modules = {name: ModuleType(name) for name in MODULES}
    vars(modules[MODULES[-1]]).update(order_dt=ORDER, log_dt=LOG)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in MODULES:
            del sys.modules[name]
