"""A few kills of what `make soak` does fifty of, and of one Dask worker, in processes of their own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


def test_sweeps_killed_at_random_instants_or_of_a_worker_end_in_the_bytes_of_an_undisturbed_one():
    words = [str(Path(__file__).parents[2] / "tools" / "kill_sweeps.py"), "2", "0", "1", "worker"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    _, killed, worker, _ = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert killed["killed"] == 2
    assert killed["chunks at kills amid them"]["of"] > 20
    assert killed["chunks at kills amid them"]["least"] < killed["chunks at kills amid them"]["of"]
    assert killed["faults"] == worker["faults"] == []
    assert 0 < worker["chunks when it died"] < worker["of"]
