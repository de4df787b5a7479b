"""The loops of orders as plain Python and compiled: the same bits, and only a process that trades much loads numba."""

import subprocess
import sys
from dataclasses import fields

import pytest
from support.random_markets import Case, tried

from backtest.execution import kernel

LOOPS = dict(kernel._loops) or {name: loop.py_func for name, loop in vars(kernel).items() if hasattr(loop, "py_func")}


def traded(case: Case) -> list[bytes]:
    """Return every number of a case's books of three sizes, and of one book to its end, as bytes."""
    _, orders = case.ordered((1.0, 0.5, 0.0))
    outcome = case.traded()
    tables = [outcome.orders, outcome.unfilled, outcome.late, outcome.realised, outcome.shares]
    arrays = [getattr(orders, field.name) for field in fields(orders)]
    return [
        *(array.tobytes() for array in arrays), outcome.equity.to_numpy().tobytes(),
        *(table.to_csv(float_format="%r").encode() for table in tables),
    ]  # fmt: skip


@pytest.mark.slow
def test_plain_and_compiled_loops_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.compile_loops()
    compiled = {name: vars(kernel)[name] for name in LOOPS}
    assert all(hasattr(function, "py_func") for function in compiled.values())
    assert {"walk", "worth", "placed", "checked_fills"} < set(compiled)

    def same(case: Case) -> None:
        fast = traded(case)
        with monkeypatch.context() as plainly:
            for name, function in LOOPS.items():
                plainly.setattr(kernel, name, function)
            assert traded(case) == fast

    tried(same)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.0, 1e-9])
def test_the_comparison_sees_a_last_bit(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def worth(value: float, rate_: float, least: float) -> float:
        return LOOPS["_topped_up"](value, rate_, least) * (1.0 + rate)

    kernel.compile_loops()
    different = []

    def compare(case: Case) -> None:
        fast = traded(case)
        with monkeypatch.context() as plainly:
            for name, function in LOOPS.items():
                plainly.setattr(kernel, name, function)
            plainly.setattr(kernel, "_topped_up", worth)
            different.append(traded(case) != fast)

    tried(compare)
    assert any(different) == (rate > 0.0)


def test_loops_are_compiled_in_a_process_that_trades_much_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(kernel, "compile_loops", lambda: calls.append(True))
    monkeypatch.setattr(kernel, "_traded", 0)
    for _ in range(4):
        kernel.prepare(kernel.FEW // 4)
    assert calls == []
    kernel.prepare(1)
    assert calls == [True]


@pytest.mark.process
def test_a_run_to_its_page_loads_neither_numba_nor_a_plotting_library(tmp_path) -> None:
    code = (
        "import sys; from backtest.__main__ import main\n"
        f"try: main(['run', 'supply_chain_excess', '--out', {str(tmp_path)!r}, '--json'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'vectorbt', 'numba', 'matplotlib', 'statsmodels', 'arch', 'yfinance'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[]")
