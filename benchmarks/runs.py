"""How long a run takes to its page, all runs, and the first sweep of a machine: `python benchmarks/runs.py`.

Every figure is of the command itself, a process of its own that writes to a folder of its own: the median of some rounds, in
seconds on the wall and, where one process does all of it, of the processor. Nothing else should run meanwhile.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

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


def main() -> None:
    """Print a row per command."""
    with tempfile.TemporaryDirectory() as home:
        own = {"BACKTEST_HOME": home}
        print(f"| command, median of {ROUNDS} | seconds | of the processor |")
        print("|---|---:|---:|")
        for name in RUNS:
            rounds = [timed(("run", name), own) for _ in range(ROUNDS)]
            wall, processor = (median(column) for column in zip(*rounds, strict=True))
            print(f"| `run {name}` | {wall:.1f} | {processor:.1f} |", flush=True)
        print(f"| `run all` | {median(timed(('run', 'all'), own)[0] for _ in range(ROUNDS)):.1f} | |", flush=True)
        caches = [str(Path(home) / f"numba-{number}") for number in range(ROUNDS)]
        for text in (", nothing compiled before", ", again"):
            rounds = [timed(SWEEP, own | {"NUMBA_CACHE_DIR": cache}) for cache in caches]
            print(f"| `{' '.join(SWEEP[:2])}` of 1,056 settings{text} | {median(wall for wall, _ in rounds):.1f} | |", flush=True)


if __name__ == "__main__":
    main()
