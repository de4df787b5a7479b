"""How long a run takes to its page, all runs, and the first sweep of a machine: `python benchmarks/runs.py [--write]`.

With --write the tables of the documents are made anew.

Every figure is of the command itself, a process of its own that writes to a folder of its own: the median of some rounds, in
seconds on the wall and, where one process does all of it, of the processor. Nothing else should run meanwhile.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tools"))
import documents
import speed_parts

from backtest.sweeps.fork_server import cores

ROUNDS = 3
RUNS = ("supply_chain_excess", "theme_baskets")
SWEEP = ("sweep", "supply_chain_excess", "--grid", "supply_chain_excess_ci", "--reports", "0")


def timed(words: tuple[str, ...], more: Mapping[str, str]) -> tuple[float, float]:
    """Return the seconds on the wall and of the processor that a command takes; exits where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "backtest", *words, "--out", str(Path(folder) / "reports")]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | more, check=False)
        seconds, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(ran.stderr)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(home: Path) -> dict[str, Any]:
    """Return the seconds of every command, with when, on what and beside what load they were measured."""
    own, before, commands = {"BACKTEST_HOME": str(home)}, os.getloadavg()[1], []
    for name in RUNS:
        wall, processor = zip(*(timed(("run", name), own) for _ in range(ROUNDS)), strict=True)
        commands.append({"command": f"run {name}", "seconds": median(wall), "cpu_seconds": median(processor)})
    alone = [timed(("run", "all"), own)[0] for _ in range(ROUNDS)]
    commands.append({"command": "run all", "seconds": median(alone), "cpu_seconds": None})
    caches = [str(home / f"numba-{number}") for number in range(ROUNDS)]
    for text in ("nothing compiled before", "again"):
        alone = [timed(SWEEP, own | {"NUMBA_CACHE_DIR": cache})[0] for cache in caches]
        name = f"{' '.join(SWEEP[:2])} --grid {SWEEP[3]}"
        commands.append({"command": name, "state": text, "seconds": median(alone), "cpu_seconds": None})
    about = {"date": f"{date.today()}", "cores": cores(), "load": [before, os.getloadavg()[1]], "rounds": ROUNDS}
    return about | {"commands": commands}


def main(write: bool) -> None:
    """Print the table; with `write` put it into the documents too."""
    with tempfile.TemporaryDirectory() as home:
        results = measured(Path(home))
    print(speed_parts.runs_table(results))
    if write:
        speed_parts.RUNS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        documents.main()


if __name__ == "__main__":
    main("--write" in sys.argv)
