"""One call of each signal on a panel that has been read before: at most 200 µs each is the target."""

import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.panel import Archive
from backtest.signals import load_signals
from backtest.thesis import load_thesis

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")
MOMENT = pd.Timestamp("2026-06-30T21:00Z")


@pytest.fixture(scope="module")
def archive():
    return Archive(reference.load_facts(), reference.load_prices(sorted(load_thesis().universe.market_and_currency())))


@pytest.mark.parametrize("name", load_signals(load_thesis()))
def test_a_call_on_a_warm_panel(benchmark, archive, name):
    signal, panel = load_signals(load_thesis())[name], archive.as_of(MOMENT)
    signal(panel)
    benchmark.group, benchmark.extra_info["target"] = "one call, warm panel", "200 µs"
    benchmark(signal, panel)


@pytest.mark.parametrize("name", load_signals(load_thesis()))
def test_a_call_on_a_new_panel(benchmark, archive, name):
    """What a decision pays: the panel opened and read for the first time."""
    signal = load_signals(load_thesis())[name]
    benchmark.group = "as_of and one call, new panel"
    benchmark(lambda: signal(archive.as_of(MOMENT)))


def test_opening_a_panel(benchmark, archive):
    benchmark.group = "as_of and one call, new panel"
    benchmark(archive.as_of, MOMENT)
