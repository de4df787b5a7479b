"""The engine beside its peers on the same basket, and whole commands as processes. Nothing here fails on time."""

import subprocess
import sys
from pathlib import Path

import pytest
from peers import WAYS, basket, sweep

ROOT = Path(__file__).parent.parent
SMALL = basket(tickers=4, sessions=900, every=63)
LARGE = basket(tickers=30, sessions=1150, every=21)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("given", [SMALL, LARGE], ids=["4 names quarterly", "30 names monthly"])
def test_simulating_a_basket(benchmark, way, given):
    call = WAYS[way](given)
    call()
    benchmark.group = f"{len(given.tickers)} names, {len(given.sessions)} sessions, {len(given.rows)} order sessions"
    benchmark.extra_info["target"] = "ours at most 1.3 × the kernel, met by many books at once if at all"
    benchmark(call)


MANY = sweep(LARGE, 1000)


@pytest.mark.parametrize("way", MANY)
def test_a_thousand_books_as_a_sweep_takes_them(benchmark, way):
    MANY[way]()
    benchmark.group = f"1,000 books of {len(LARGE.tickers)} names, {len(LARGE.rows)} order sessions"
    benchmark.extra_info["target"] = "ours at most 1.3 × the kernel"
    benchmark.pedantic(MANY[way], rounds=5)


def process(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)


def test_signals_as_a_process(benchmark):
    benchmark.group, benchmark.extra_info["target"] = "processes", "3 s"
    benchmark.pedantic(process, ("-m", "backtest", "signals", "--json"), rounds=5, warmup_rounds=1)


def test_claims_as_a_process(benchmark):
    benchmark.group, benchmark.extra_info["target"] = "processes", "3 s"
    benchmark.pedantic(process, ("-m", "backtest", "claims", "--json"), rounds=5, warmup_rounds=1)


def test_a_strategy_to_its_report_as_a_process(benchmark, tmp_path):
    benchmark.group, benchmark.extra_info["target"] = "processes", "25 s"
    benchmark.pedantic(
        process, ("-m", "backtest", "run", "supply_chain_excess", "--out", str(tmp_path)), rounds=3, warmup_rounds=1
    )


def test_the_first_simulation_of_a_process(benchmark):
    """Imports of pandas, vectorbt and this project, and one simulation."""
    code = "import sys; sys.path.insert(0, 'benchmarks'); from peers import basket, ours; ours(basket(4, 900, 63))()"
    benchmark.group = "processes"
    benchmark.pedantic(process, ("-c", code), rounds=3, warmup_rounds=1)
