"""A few kills of what `make soak` does two hundred of, in processes of their own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
SCRIPT = Path(__file__).parents[2] / "tools" / "kill_pulls.py"


def test_pulls_killed_at_random_instants_leave_a_whole_store_and_lose_nothing_reported():
    done = subprocess.run([sys.executable, str(SCRIPT), "4"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    killed, after = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert killed["killed"] == 4
    assert killed["items reported"] > 4
    assert killed["faults"] == after["faults"] == []
    first, *both = after["exit codes of one pull and of two at once"]
    assert first == 0
    assert sorted(both)[0] == 0
    assert set(both) <= {0, 3}
