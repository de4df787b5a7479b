"""A store of 1,000 tickers × 25 years of daily prices: how long `data status` takes, and one run's panel, and its memory.

The prices are made up, and the universe is ours with made-up members: nothing else of the product is replaced. Each question
is a process of its own, measured in seconds of CPU: the first after a pull, which leaves what it made in the cache of the store,
and any later one. Nothing here fails on time; targets stand beside the figures.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import calendars
from backtest.data.store.append_only import Store

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning")  # exchange_calendars', for the days closed in 2001
TICKERS = 1000
FIRST, LAST = "2001-06-01", "2026-06-30"
MEASURE = """
import json, resource, time
from dataclasses import replace
from backtest import thesis

first = thesis.load_thesis()
ours = first.universe
row = next(row for row in ours.suppliers if row.market == "XNYS")
wide = [row.model_copy(update={"ticker": f"T{number:04d}"}) for number in range(%(tickers)d)]
wide = ours.model_copy(update={"suppliers": tuple(wide)})
first = replace(first, universe=wide)
thesis.load_thesis = lambda *_: first
from backtest.__main__ import main
%(imports)s
began = time.process_time()
%(work)s
seconds = time.process_time() - began
print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
STATUS = (
    "import pandas as pd; from backtest.data.store.status import status; from backtest.data.store.append_only import open_store",
    'status(open_store(), pd.Timestamp("2026-07-02", tz="UTC"), universe=wide)',
)
PANEL = (
    "from backtest.data.archive import load_archive; import pandas as pd",
    'load_archive([row.ticker for row in wide.suppliers], "store").as_of(pd.Timestamp("2026-06-30", tz="UTC"))',
)
FURTHER = (  # the median of a month's panels, each by a decision of its own
    PANEL[0] + '; import numpy as np; archive = load_archive([row.ticker for row in wide.suppliers], "store")\n'
    'days = pd.date_range("2026-05-01", periods=30, tz="UTC"); archive.as_of(days[0])',
    """spent, shared = [], []
for day in days:
    start = time.process_time()
    panel = archive.as_of(day)
    spent.append(time.process_time() - start)
    shared.append(np.shares_memory(panel.prices.to_numpy(), archive.as_of(days[-1]).prices.to_numpy()))
assert all(shared), "a panel copied the history"
began = time.process_time() - float(np.median(spent))""",
)


def filled(home: Path) -> Store:
    """Return a store with TICKERS tables of daily prices."""
    store = Store(home)
    ends = calendars.closes("XNYS", pd.Timestamp(FIRST), pd.Timestamp(LAST))
    random = np.random.default_rng(5)
    seen = pd.Timestamp("2026-07-01", tz="UTC")
    with store.writing():
        for number in range(TICKERS):
            close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, len(ends))))
            rows = pd.DataFrame(
                {
                    "session": ends.index, "open": close, "high": close * 1.01, "low": close * 0.99, "close": close,
                    "volume": 1e6, "dividend": 0.0, "split": 1.0, "known_at": pd.DatetimeIndex(ends).as_unit("ns"),
                    "first_seen": seen, "answer": "0" * 64,
                }
            )  # fmt: skip
            about = {
                "first": f"{ends.index[0]:%Y-%m-%d}", "last": f"{ends.index[-1]:%Y-%m-%d}", "sessions": len(ends),
                "gaps": [], "seen": "2026-07-01T00:00:00Z",
            }  # fmt: skip
            store.write(f"prices/T{number:04d}", rows, about, seen)
    return store


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("wide")).home


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(
    ("name", "what", "target"),
    [("data status", STATUS, "0.5 s"), ("one run's panel", PANEL, "1.5 s, 500 MB"), ("a further panel", FURTHER, "no copy")],
    ids=["data status", "one run's panel", "a further panel"],
)
def test_a_store_of_a_thousand_tickers(benchmark, home, name, what, target, again):
    code = MEASURE % {"tickers": TICKERS, "imports": what[0], "work": what[1]}
    if not again:
        shutil.rmtree(home / "cache", ignore_errors=True)

    def process() -> dict[str, float]:
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "BACKTEST_HOME": str(home)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    benchmark.group, benchmark.extra_info["target"] = f"a store of {TICKERS:,} tickers × 25 years", target
    measurement = benchmark.pedantic(process, rounds=1)
    benchmark.extra_info |= {name: round(value, 4) for name, value in measurement.items()}
    measured = f"{measurement['seconds']:.4f} s of CPU after imports, peak {measurement['peak_mb']:.0f} MB"
    print(f"\n{benchmark.group}, {name}, {'again' if again else 'the first time'}: {measured}; target {target}")
