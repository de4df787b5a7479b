"""Sweeps the large grid and prints, as Markdown, what its settings are worth beside their twins, as benchmarks/twins.md keeps it.

`python tools/sweep_twins.py 2026-07-31` takes about a minute; the day is the last on which every name and fund of the grid has a
close. Further options are those of `sweep`, such as --prices.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from backtest.files.documents import Json
from backtest.sweeps.document import read_summary
from backtest.sweeps.summary import worth_of

ROOT = Path(__file__).parents[1]
STRATEGY, GRID = "supply_chain_excess", ROOT / "sweeps" / "supply_chain_excess.toml"


def swept(options: Sequence[str]) -> Json:
    """Return the document of the sweep, whose ledger counts no setting tried before."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["sweep", STRATEGY, "--grid", str(GRID), "--reports", "0", "--json", "--out", folder, *options]
        done = subprocess.run(
            [sys.executable, "-m", "backtest", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | {"BACKTEST_HOME": folder},
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    document: Json = json.loads(done.stdout)
    return document


def main(options: Sequence[str]) -> None:
    """Print the table."""
    summary = read_summary(swept(options))
    print("| what | figure |\n|---|---|")
    print(f"| settings | {summary.settings:,} |\n| distinct curves | {summary.statistics.curves:,} |")
    for what, figure in worth_of(summary).items():
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main(["--end", *sys.argv[1:]])
