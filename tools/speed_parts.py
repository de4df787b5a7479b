"""The parts of the documents on how fast runs and sweeps are, from what their benchmarks measured last.

`python benchmarks/runs.py --write` and `python benchmarks/sweeps.py --write`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markdown_tables import table

MEASURED = Path(__file__).parents[1] / "benchmarks" / "sweeps.json"
RUNS = MEASURED.with_name("runs.json")
Measured = Mapping[str, Any]  # the JSON, see `measured` in benchmarks/sweeps.py, and in runs.py


def sweeps_table(measured: Measured) -> str:
    """Return the sweeps by size: seconds on a clock, CPU of a further setting, and memory."""
    heads = ["settings", "seconds", "reading, loading", "us a setting, the rest", "CPU us a further one", "÷ the kernel"]
    rows = []
    for sweep in (*measured["sweeps"], *([measured["million"]] if "million" in measured else [])):
        further = sweep.get("further")
        each = ("–", "–") if further is None else (f"{1e6 * further:,.0f}", f"{further / measured['kernel']:.2f}")
        rest = f"{1e6 * sweep['work'] / sweep['settings']:,.0f}"
        loading = f"{sweep['seconds'] - sweep['work']:.1f}"
        memory = f"{sweep['peak_memory_mb']:,.0f} MB"
        settings = f"{sweep['settings']:,}" + (f", on {sweep['date']}" if "date" in sweep else "")
        rows.append((settings, f"{sweep['seconds']:,.1f}", loading, rest, *each, memory))
    return table([*heads, "peak memory"], rows)


def ways_table(measured: Measured) -> str:
    """Return what a setting costs by each way of simulating it, in CPU time, beside ours."""
    ours = measured["sweeps"][-1]["further"]
    kernel = "vectorbt: its compiled kernel alone, the same orders"
    ways = {"ours: a further setting of the sweep": ours, kernel: measured["kernel"], **measured["peers"]}
    rows = [(name, f"{1e6 * seconds:,.0f}", f"{float(f'{seconds / ours:.2g}'):,g}") for name, seconds in ways.items()]
    return table(["way", "us of CPU a setting", "÷ ours"], rows)


def sweep_speed() -> str:
    """Return both tables, with when and on what they were measured."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    words = f"{measured['names']} names of two markets, {measured['sessions']:,} sessions, monthly, full market rules"
    machine = f"measured on {measured['date']}, {measured['cores']} cores, load {_load(measured)}"
    return f"{words}; {machine}:\n\n{sweeps_table(measured)}\n{ways_table(measured)}"


def runs_table(measured: Measured) -> str:
    """Return what a run, all of them and the first sweep of a machine take."""
    rows = []
    for each in measured["commands"]:
        processor = "–" if each["cpu_seconds"] is None else f"{each['cpu_seconds']:.1f}"
        state = f", {each['state']}" if "state" in each else ""
        rows.append((f"`{each['command']}`{state}", f"{each['seconds']:.1f}", processor))
    return table(["command", "seconds", "of the processor"], rows)


def run_speed() -> str:
    """Return that table, with when and on what it was measured."""
    measured = json.loads(RUNS.read_text(encoding="utf-8"))
    machine = f"median of {measured['rounds']}, measured on {measured['date']}, {measured['cores']} cores, load {_load(measured)}"
    return f"Each a process of its own, to its page; {machine}:\n\n{runs_table(measured)}"


def _load(measured: Measured) -> str:
    first, last = sorted(f"{average:.0f}" for average in measured["load"])
    return first if first == last else f"{first} to {last}"


PARTS: Mapping[str, Callable[[], str]] = {"run_speed": run_speed, "sweep_speed": sweep_speed}
