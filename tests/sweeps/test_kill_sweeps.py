"""Two kills of what `make soak` does fifty of, with shards and Dask besides, in processes of their own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


def test_sweeps_killed_at_random_instants_end_in_the_bytes_of_an_undisturbed_one():
    words = [str(Path(__file__).parents[2] / "tools" / "kill_sweeps.py"), "2", "0", "1", "kills"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    _, killed, *_ = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert killed["killed"] == 2
    assert killed["chunks at kills amid them"]["of"] > 20
    assert killed["chunks at kills amid them"]["least"] < killed["chunks at kills amid them"]["of"]
    assert killed["faults"] == []
