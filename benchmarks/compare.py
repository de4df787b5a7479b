"""Prints, as Markdown, how the engine compares with its peers in this one process, and what a fresh process pays.

Run: python benchmarks/compare.py [rounds]
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

FRESH = """
import sys, time
sys.path.insert(0, {folder!r})
marks = [time.perf_counter()]
import pandas
marks.append(time.perf_counter())
import vectorbt
vectorbt.settings["engine"] = {engine!r}
marks.append(time.perf_counter())
from backtest.execution import trading
from vectorbt.portfolio import dispatch
from numba.core import event
class Count(event.Listener):
    compiled = 0
    def on_start(self, one): Count.compiled += 1
    def on_end(self, one): pass
event.register("numba:compile", Count())
from peers import basket, ours
call = ours(basket(4, 900, 63))
marks.append(time.perf_counter())
call()
marks.append(time.perf_counter())
call()
marks.append(time.perf_counter())
steps = [after - before for before, after in zip(marks, marks[1:])]
print(steps[1], steps[3], steps[4], Count.compiled)
"""


def main(rounds: int) -> None:
    """Print both tables."""
    from peers import WAYS, basket, sweep

    for tickers, sessions, every in ((4, 900, 63), (30, 1150, 21)):
        given = basket(tickers, sessions, every)
        calls = {name: way(given) for name, way in WAYS.items()}
        times = timed(calls, rounds)
        print(
            f"\n{tickers} names, {sessions} sessions, {len(given.rows)} order sessions; median of {rounds}, rounds interleaved\n"
        )
        print("| way | median | ÷ ours | ours ÷ it |\n|---|---:|---:|---:|")
        own, worth = times["ours: trade(), flat cost"], calls["ours: trade(), flat cost"]()
        for name, spent in times.items():
            print(f"| {name} | {spent * 1e3:.2f} ms | {spent / own:.2f} | {own / spent:.2f} |")
        for name in ("vectorbt: Portfolio, every session", "bt"):
            print(f"\nlast value of {name} ÷ ours - 1: {calls[name]() / worth - 1:.1e}")
    ways = sweep(basket(30, 1150, 21), 1000)
    times = timed(ways, 7)
    ours = next(iter(times.values()))
    print("\n1,000 books of 30 names, 55 order sessions, a book; median of 7, rounds interleaved\n")
    print("| way | a book | ours ÷ it |\n|---|---:|---:|")
    for name, spent in times.items():
        print(f"| {name} | {spent * 1e3:.0f} us | {ours / spent:.2f} |")
    print("\nA fresh process; median of 3\n")
    print("| kernels | import vectorbt | first trade() | second | functions compiled |\n|---|---:|---:|---:|---:|")
    for engine, cache in (("auto", True), ("rust", True), ("numba", True), ("numba", False)):
        runs = [fresh(engine, cache) for _ in range(3)]
        imported, first, second, compiled = (median(column) for column in zip(*runs, strict=True))
        name = engine if cache else f"{engine}, nothing compiled before"
        print(f"| {name} | {imported:.2f} s | {first:.3f} s | {second:.3f} s | {compiled:.0f} |")


def timed(calls: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each call; the calls take turns, so that a busy machine slows all of them."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            started = perf_counter()
            call()
            spent[name].append(perf_counter() - started)
    return {name: median(seconds) for name, seconds in spent.items()}


def fresh(engine: str, cache: bool) -> tuple[float, float, float, float]:
    """Return seconds to import vectorbt, of the first and second simulation, and functions compiled, in a new process.

    Without `cache`, numba finds no function that an earlier process compiled and kept on disk.
    """
    code = FRESH.format(folder=str(Path(__file__).parent), engine=engine)
    with tempfile.TemporaryDirectory() as empty:
        setting = {} if cache else {"NUMBA_CACHE_DIR": empty}
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | setting)
    imported, first, second, compiled = map(float, ran.stdout.split())
    return imported, first, second, compiled


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
