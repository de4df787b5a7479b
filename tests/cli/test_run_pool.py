"""Strategies in processes of their own: results in order, what is printed, and errors as of one process."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backtest.cli.run import RunOptions, _archive
from backtest.cli.run_pool import Job, next_job, run_each
from backtest.errors import DataError
from backtest.strategy import load_strategy
from backtest.sweeps import fork_server
from backtest.thesis import load_thesis

pytestmark = pytest.mark.process
STRATEGIES = Path(__file__).parents[2] / "strategies"

STRATEGY = """
from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(name="{name}", title="", question="", baskets=("NVDA",), weights=Equal())
"""


def make(spec, command):
    """Stand for a run: give its spec, process and capital, and end as the name of the strategy says."""
    away = os.environ.get("PROCESS_OF_THE_TEST") != str(os.getpid())
    print(f"{spec.name} prints", file=sys.stderr)
    if spec.name == "dies" and away:
        os._exit(1)
    if spec.name == "fails":
        raise DataError(f"{command} fails")
    if spec.name == "stays":
        return spec.name, away, lambda: 0
    return spec.name, away, os.getpid() if spec.name.startswith("process") else spec.capital


@pytest.fixture
def runs(tmp_path, monkeypatch, capsys):
    """Return a function that makes runs of strategies of some names; it gives each run, and what was printed to its end."""
    monkeypatch.setenv("PROCESS_OF_THE_TEST", str(os.getpid()))
    fork_server.start(fork_server.PRELOAD)

    def each(*names, count=2):
        jobs = []
        for name in names:
            path = tmp_path / f"{name}.py"
            path.write_text(STRATEGY.format(name=name), encoding="utf-8")
            jobs.append(Job(path, load_strategy(path), {"capital": 5.0}, f"run {name}"))
        for run in run_each(jobs, load_thesis(), make, lambda job: print(f"{job.spec.name} begins", file=sys.stderr), count):
            yield run, capsys.readouterr().err.split("\n")[:-1]

    return each


def test_runs_come_in_order_from_processes_with_their_changes_and_what_they_print(runs):
    for (name, away, capital), lines in runs("one", "two", "three"):
        assert (away, capital) == (True, 5.0)
        assert lines == [f"{name} begins", f"{name} prints"]
    assert [run for run, _ in runs("one", "two", count=1)] == [("one", False, 10_000_000.0), ("two", False, 10_000_000.0)]


def test_a_run_that_fails_ends_them_with_its_own_error_after_those_before_it(runs):
    given = runs("one", "fails", "two")
    assert next(given)[0] == ("one", True, 5.0)
    with pytest.raises(DataError, match="run fails fails"):
        next(given)


def test_a_strategy_whose_process_dies_or_whose_run_cannot_be_sent_is_run_here(runs):
    first, second, third = [run for run, _ in runs("dies", "stays", "two")]
    assert (first[:2], second[:2], third) == (("dies", False), ("stays", False), ("two", True, 5.0))


def test_a_process_takes_job_after_job_with_what_it_has_opened(runs):
    processes = {process for (_, _, process), _ in runs(*(f"process_{number}" for number in range(6)))}
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes


def test_strategies_of_the_same_tickers_share_an_archive_and_an_audit_has_its_own(tmp_path):
    options = RunOptions(load_thesis(), "reference", "reference", tmp_path, audit_seconds=None)
    archives = {}
    first = _archive(("NVDA",), options, archives)
    assert _archive(("NVDA",), options, archives) is first
    assert _archive(("NVDA",), replace(options, audit_seconds=1.0), archives) is not first
    for ticker in ("AVGO", "MRVL", "MSFT", "META", "AMZN"):
        _archive((ticker,), options, archives)
    assert ("NVDA",) not in archives


def test_a_process_takes_a_job_of_the_same_baskets_next_or_else_the_first():
    one, two = load_strategy(STRATEGIES / "supply_chain_excess.py"), load_strategy(STRATEGIES / "trend_rotation.py")
    jobs = [Job(STRATEGIES, spec, {}, "") for spec in (two, one, two, one.replaced(baskets=("optical", "copper")))]
    assert next_job([1, 2, 3], jobs, None) == 1
    assert next_job([1, 2, 3], jobs, 0) == 2
    assert next_job([1, 3], jobs, 0) == 1
    assert next_job([0, 2, 3], jobs, 1) == 0
    assert next_job([3, 0], jobs, 2) == 0
