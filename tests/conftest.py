"""What the test suites share: the embedded figures and prices, and archives that leak on purpose."""

import gc
import os
import pickle
import sys
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock, Timeout
from hypothesis import HealthCheck, settings

from backtest import clock, provenance, report, runs
from backtest.data.archive import load_archive
from backtest.data.sources import reference
from backtest.output import verify
from backtest.panel import Archive
from backtest.runs import needed_tickers
from backtest.strategy import load_strategy
from backtest.sweeps.fork_server import cores
from backtest.thesis import load_thesis

ROOT = Path(__file__).parent.parent
STRATEGIES = sorted((ROOT / "strategies").glob("*.py"))
SHARED = ROOT.parent / "shared"

settings.register_profile(
    "same every time", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same every time")


def pytest_configure(config):
    gc.set_threshold(50_000, 20, 50)  # by default a tenth of the time goes into looking for garbage, and there is hardly any
    # exchange_calendars 4.13 trips it, but pandas 3.1 warns at its own line: a filter by module cannot tell whose it is.
    config.addinivalue_line(
        "filterwarnings",
        "ignore:Series.values returning an ndarray that drops timezone:pandas.errors.Pandas4Warning",
    )


# What `make check` leaves out, by the fixture that needs it; other tests carry their mark themselves.
MARK_OF_FIXTURE = {"browser": "browser", "source_server": "server", "results": "slow"}
STARTS = {"subprocess.Popen": "process", "os.fork": "process", "socket.bind": "server"}
ALLOWED = {"process": {"process", "browser"}, "server": {"server", "process", "browser"}}
marks_of_the_test: set[str] | None = None


# Files that take longest, longest first: begun first, so that no process of several waits for another at the end. A file is one
# process's (--dist=loadfile), so that what its tests share is made once.
LONGEST = (
    "test_audit", "test_blocks", "test_in_browser", "test_kill_sweeps", "test_installed", "test_sweep_command",
    "test_verification", "test_audit_nulls", "test_workflows", "test_sweep", "test_sizes", "test_command_line", "test_export",
    "test_hostile", "test_thesis", "test_runs", "test_front_page", "test_search_worlds", "test_audit_replay", "test_claims",
    "test_second_engines", "test_audit_questions", "test_flip_bytes", "test_provenance", "test_orders", "test_look_ahead",
    "test_kills", "test_page", "test_fuzz",
)  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """With `auto` one more than there are cores: tests that wait for a browser or another process leave theirs idle."""
    return None if config.option.numprocesses == "logical" else cores() + 1


def pytest_collection_modifyitems(items):
    for item in items:
        for fixture in MARK_OF_FIXTURE.keys() & set(item.fixturenames):
            item.add_marker(MARK_OF_FIXTURE[fixture])
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global marks_of_the_test
    marks_of_the_test = {mark.name for mark in item.iter_markers()}
    try:
        return (yield)
    finally:
        marks_of_the_test = None


def refuse_what_no_mark_names(event, arguments):
    kind = STARTS.get(event)
    if kind and marks_of_the_test is not None and not marks_of_the_test & ALLOWED[kind]:
        raise AssertionError(f"{event} {arguments[:1]} in a test without @pytest.mark.{kind}")


sys.addaudithook(refuse_what_no_mark_names)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """What is kept between runs goes to a folder of the tests, never to the user's."""
    patch = pytest.MonkeyPatch()
    patch.setenv("BACKTEST_HOME", str(tmp_path_factory.mktemp("home")))
    patch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "600s")  # a busy machine may start workers slowly
    yield
    patch.undo()


@pytest.fixture
def still(monkeypatch):
    """A clock that stands still, for commands too: no budget of seconds runs out."""
    monkeypatch.setattr(clock, "SYSTEM", clock.Clock(monotonic=lambda: 0.0))
    return clock.SYSTEM


UNSENT = (pickle.PicklingError, AttributeError)  # of what code holds that was typed, or loaded again since: it is made anew


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a function that gives what a maker makes: one of the processes that share the tests makes it, the others read it."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def once(name, make, wait=True):
        path = folder / f"{name}.pickle"
        try:
            with FileLock(f"{path}.lock", timeout=-1 if wait else 0):
                if not path.exists():
                    made = make()
                    try:
                        path.write_bytes(pickle.dumps(made))
                    except UNSENT:
                        return made
        except Timeout:
            return None
        return pickle.loads(path.read_bytes()) if wait else None

    return once


@pytest.fixture(scope="session")
def all_made_once(made_once):
    """Return a function that gives what some makers make, by name: what another process is making meanwhile comes last."""

    def every(makers):
        for name, make in makers.items():
            made_once(name, make, wait=False)
        return {name: made_once(name, make) for name, make in makers.items()}

    return every


@pytest.fixture(scope="session")
def remembered(made_once):
    """Return a function that gives what a maker makes of some parts: once for all tests, by what the parts hold."""
    here = {}

    def remember(kind, make, *parts):
        try:
            name = f"{kind} {sha256(pickle.dumps(parts)).hexdigest()}"
        except UNSENT:
            return make()
        if name not in here:
            here[name] = made_once(name, make)
        return here[name]

    return remember


@pytest.fixture
def runs_once(remembered, monkeypatch):
    """Let commands share runs of one spec on the same data by the same code, and pages of one run.

    For tests of what a command does with a run. Whether a run comes out the same again is asked by others.
    """
    ran, rendered = runs.run, report.render

    def run_once(spec, archive):
        code = provenance.code_id([*spec.files, *archive.thesis.files, *archive.files])
        parts = spec.spec_id, archive.data_id, archive.prices.source, code, type(archive).__name__
        return remembered("run", lambda: ran(spec, archive), *parts)

    def page_once(result, *above):
        return remembered("page", lambda: rendered(result, *above), result, *above)

    for module in (runs, verify):
        monkeypatch.setattr(module, "run", run_once)
    for module in (report, verify):
        monkeypatch.setattr(module, "render", page_once)


@pytest.fixture(scope="session")
def results(all_made_once):
    """What every strategy comes to on the embedded figures and prices, by name; those of the same tickers share an archive."""
    opened = lru_cache(load_archive)

    def ran(path):
        spec = load_strategy(path)
        return runs.run(spec, opened(tuple(needed_tickers(spec, load_thesis()))))

    return all_made_once({path.stem: partial(ran, path) for path in STRATEGIES})


@pytest.fixture(scope="session")
def tickers():
    return sorted(load_thesis().universe.market_and_currency())


@pytest.fixture(scope="session")
def archive(tickers):
    return Archive(reference.load_facts(), reference.load_prices(tickers))


@pytest.fixture(scope="session")
def shared_prices():
    return shared("daily")


@pytest.fixture(scope="session")
def first_prices():
    """The daily files of the first stage, which FAULTS.md speaks of."""
    return shared("prices")


def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"no ../shared/{name}")
    return SHARED / name


class CutByPeriodEnd(Archive):
    """Shows a figure as soon as its period has ended, published or not, and a range, which need not have one, at once."""

    def as_of(self, moment):
        rows = self.facts.rows
        ended = rows[rows["period_end"] <= moment.tz_localize(None)]
        newest = ended.drop_duplicates(["entity", "metric", "period"], keep="last")
        return replace(super().as_of(moment), rows=newest, ranges=self.facts.ranges)


class OneSessionAhead(Archive):
    """Shows one more row of prices than has closed."""

    def as_of(self, moment):
        panel = super().as_of(moment)
        return replace(panel, prices=self.prices.wealth.iloc[: len(panel.prices) + 1])


@pytest.fixture(scope="session")
def cut_by_period_end():
    return CutByPeriodEnd


@pytest.fixture(scope="session")
def one_session_ahead():
    return OneSessionAhead


@pytest.fixture(scope="session")
def moments():
    """Twenty moments from 2022 to 2026, at odd hours."""
    days = pd.date_range("2022-02-01", "2026-08-20", periods=20, tz="UTC").floor("D")
    hours = [1, 5, 8, 13, 15, 20, 22, 7, 3, 21, 6, 23, 9, 14, 18, 0, 12, 19, 2, 10]
    return [day + pd.Timedelta(hours=hour, minutes=7) for day, hour in zip(days, hours, strict=True)]
