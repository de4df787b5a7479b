"""A sweep's settings are those of the grid, and each is the run of that setting."""

import pickle
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest
from support.markets import ROOT

from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.runs import run
from backtest.strategy import load_strategy
from backtest.sweeps import chunks, fork_server, workers
from backtest.sweeps.chunks import decided, encoded, evaluate, plan, require, shard_of
from backtest.sweeps.dask_cluster import QUIET, Shared, local_cluster
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.grid import Grid, load_grid, stated
from backtest.sweeps.settings import PATHS_TOGETHER, Settings, applied
from backtest.sweeps.workers import WorkerPool
from backtest.thesis import load_thesis
from backtest.weights import Gate

SPEC = load_strategy(ROOT / "strategies" / "supply_chain_excess.py")
SAMPLE = ROOT / "sweeps" / "supply_chain_excess.toml"


@pytest.fixture
def only_the_book(monkeypatch):
    """A run trades as ever but says nothing beside: no statistics of its windows, no readings, no claims."""
    for name in ("window_statistics", "readings", "_seen", "_known", "_when_written", "book_splits", "_demand"):
        monkeypatch.setattr(f"backtest.runs.{name}", lambda *_: {})
    for name in ("judged", "run_notes", "control_of"):
        monkeypatch.setattr(f"backtest.runs.{name}", lambda *_: ())
    monkeypatch.setattr("backtest.runs.once", lambda *_: ({}, {}))  # no studies, and none kept for the tests that follow
    monkeypatch.setattr("backtest.runs.with_tear_sheet", lambda book, *_: book)


@pytest.mark.slow
@pytest.mark.usefixtures("only_the_book")
def test_twenty_random_settings_of_the_sample_grid_equal_their_runs(archive):
    every = Settings(SPEC, load_grid(SAMPLE))
    assert len(every) >= 10_000
    chosen = [every[int(number)][1] for number in np.random.default_rng(20250723).choice(len(every), 20, replace=False)]
    curves = {curve.number: curve.equity for curve in Evaluator(archive, load_thesis().universe).curves(chosen)}
    assert sorted(curves) == list(range(20))
    for number, spec in enumerate(chosen):
        alone = run(spec, archive).books["leaders"].equity
        assert (curves[number].index == alone.index).all()
        assert np.abs(curves[number] / alone - 1.0).max() < 1e-12
    assert len({float(equity.iloc[-1]) for equity in curves.values()}) > 10  # the settings differ


@pytest.mark.slow
def test_books_walked_together_equal_books_walked_alone(archive):
    settings = [{"weights.above": above, "lag": 2, "rebalance": "weekly"} for above in (-0.2, 0.0, 0.05, 0.1)]
    specs = [applied(SPEC, setting) for setting in settings]
    together = {curve.number: curve.equity for curve in Evaluator(archive, load_thesis().universe).curves(specs)}
    for number, spec in enumerate(specs):
        alone = next(Evaluator(archive, load_thesis().universe).curves([spec])).equity
        assert np.abs(together[number] / alone - 1.0).max() < 1e-12


def grid_file(folder, text):
    path = folder / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_ranges_hold_both_ends_and_conditions_exclude(tmp_path):
    text = '[settings]\nlag = {from = 1, to = 3, step = 1}\nrebalance = ["weekly", "monthly"]\n'
    text += '[[exclude]]\nlag = {gt = 1}\nrebalance = {eq = "weekly"}\n'
    grid = load_grid(grid_file(tmp_path, text))
    assert [(setting["lag"], setting["rebalance"]) for _, setting in grid.settings()] == [
        (1, "weekly"), (1, "monthly"), (2, "monthly"), (3, "monthly"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[settings]\nlagg = [1]", "did you mean 'lag'"),
        ("[settings]\nlag = [0]", "lag is 0; expected at least 1"),
        ('[settings]\n"weights.abov" = [0]', "did you mean 'above'"),
        ('[settings]\n"signals.1.leaders" = [["NVDA"]]', "a number below 1"),
        ('[settings]\nname = ["x"]', "no field 'name'"),
        ("[settings]\nlag = []", "empty"),
        ("[settings]\nlag = {from = 1, to = 3, step = 0}", "step above 0"),
        ("most = 2\n[settings]\nlag = [1, 2, 3]", "more settings than most = 2"),
        ("[settings]\nlag = [1]\n[[exclude]]\nlag = {eq = 1}", "no setting left"),
        ("[settings]\nlag = [1]\n[[exclude]]\nlag = {above = 1}", "operators among"),
        ('[settings]\nlag = [1]\n[[exclude]]\nlag = {gt = "a"}', "cannot be compared"),
        ("[settings]\nlag = [1]\n[[exclude]]\nfill = {eq = 1}", "no setting 'fill'"),
        ("[setting]\nlag = [1]", "did you mean 'settings'"),
        ("lag = [", "not readable as TOML"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused_before_anything_runs(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        Settings(SPEC, load_grid(grid_file(tmp_path, text)))


def test_settings_that_come_to_the_same_spec_are_one():
    assert len(Settings(SPEC, Grid({"slippage_bps": (5, 5.0, 6)}))) == 2


@pytest.mark.slow
def test_a_setting_made_again_is_the_setting_of_the_grid():
    grid = load_grid(SAMPLE)
    settings = Settings(SPEC, grid)
    for number, (_, setting) in list(enumerate(grid.settings()))[::997]:
        assert settings.setting(number) == setting
        assert settings[number][1].spec_id == settings.spec_id(number) == applied(SPEC, setting).spec_id


def test_neighbours_in_the_order_share_decisions_and_terms():
    fields = {"lag": (1, 2), "slippage_bps": (0.0, 5.0), "weights.above": tuple(number / 1000 for number in range(100))}
    settings = Settings(SPEC, Grid(fields | {"rebalance": ("weekly", "monthly")}))
    assert sorted(settings.order) == list(range(len(settings)))
    ordered = [settings.setting(number) for number in settings.order]
    paths = 100 // 2  # a hundred are too many for one tile
    assert paths <= PATHS_TOGETHER < 100
    tile = paths * 4  # under every lag and slippage
    assert {setting["rebalance"] for setting in ordered[: 100 * 4]} == {"weekly"}
    assert len({setting["weights.above"] for setting in ordered[:tile]}) == paths
    assert {(setting["lag"], setting["slippage_bps"]) for setting in ordered[:paths]} == {(1, 0.0)}
    assert len({setting["weights.above"] for setting in ordered[tile : 100 * 4]}) == paths


SMALL = {"rebalance": ("monthly", "quarterly"), "lag": (1, 2, 3), "fill": ("close", "open"), "weights.above": (-0.2, 0.0, 0.1)}


@pytest.fixture(scope="module")
def server():
    """The server that workers are forked from, with their libraries loaded once."""
    fork_server.start_server(fork_server.FEW + 1, 2)


@pytest.fixture
def made(archive, tmp_path, monkeypatch):
    """Evaluate a shard of a small grid into a folder, by some workers; return what was evaluated."""
    monkeypatch.setattr(chunks, "SETTINGS_PER_CHUNK", 4)
    settings = Settings(SPEC, Grid(SMALL))

    def call(folder, shard="1/1", resume=False, workers=1):
        evaluated = []
        with WorkerPool(workers, ROOT / "strategies" / "supply_chain_excess.py", settings, archive) as pool:
            cut = plan(settings, ["data", "code"], tmp_path / folder)
            mine = shard_of(cut, shard)

            def encode(missing):
                evaluated.extend(missing)
                return pool.each(encoded, missing)

            evaluate(mine, resume, encode, lambda _: None)
        return cut, evaluated

    return call


@pytest.mark.process
@pytest.mark.usefixtures("server")
def test_one_three_and_seven_shards_come_to_the_same_bytes_whoever_works(made):
    outcomes = []
    for of in (1, 3, 7):
        for part in range(of, 0, -1):
            cut, _ = made(str(of), f"{part}/{of}", workers=2 if (part, of) == (2, 3) else 1)
        assert len(cut) > 7
        require(cut)
        outcomes.append([(chunk.path.name, chunk.path.read_bytes()) for chunk in cut])
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.slow
def test_resume_leaves_what_is_there_and_a_missing_chunk_is_told(made):
    cut, evaluated = made("there", resume=True)
    assert len(evaluated) == len(cut)
    before = cut[0].path.read_bytes()
    cut[0].path.unlink()
    with pytest.raises(DataError, match=r"1 of \d+ chunks are missing"):
        require(cut)
    assert made("there", resume=True)[1] == [cut[0]]
    assert cut[0].path.read_bytes() == before


def test_days_in_a_grid_are_days_of_the_spec_and_have_a_name(tmp_path):
    settings = Settings(SPEC, load_grid(grid_file(tmp_path, "[settings]\nstart = [2023-01-02, 2024-01-02]\n")))
    assert [spec.start.year for _, spec in settings] == [2023, 2024]
    (chunk,) = plan(settings, [], tmp_path)
    assert np.shares_memory(chunk.numbers, settings.order)  # a million settings have their numbers once
    assert stated(settings.setting(1)) == '{"start": "2024-01-02"}'


def test_a_strategy_that_cannot_be_sent_to_workers_says_so(archive):
    @dataclass(frozen=True)
    class Inside(Gate):
        pass

    with pytest.raises(ConfigurationError, match="--workers 1"):
        WorkerPool(2, None, Settings(SPEC.replaced(weights=Inside()), Grid({"lag": (1, 2)})), archive)


@pytest.mark.process
@pytest.mark.usefixtures("server")
def test_a_worker_that_cannot_begin_says_why(archive, tmp_path):
    with (
        pytest.raises(BacktestError, match="no such strategy file"),
        WorkerPool(2, tmp_path / "gone.py", Settings(SPEC, Grid({"lag": (1,)})), archive),
    ):
        pass


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_refused(part):
    with pytest.raises(ConfigurationError, match="expected I/N"):
        shard_of([], part)


@pytest.mark.process
def test_a_cluster_of_our_own_is_quiet_its_new_workers_too_and_changes_no_setting_of_a_user():
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    before = {name: dask.config.get(name) for name in QUIET}
    assert before.items().isdisjoint(QUIET.items())
    with local_cluster(1) as cluster, distributed.Client(cluster) as client:
        for _ in range(2):
            assert {name: [*client.run(dask.config.get, name).values()] for name in QUIET} == {
                name: [value] for name, value in QUIET.items()
            }
            client.restart()
    assert {name: dask.config.get(name) for name in QUIET} == before


def test_what_dask_workers_share_is_sent_without_what_one_of_them_computed(archive):
    shared = Shared(pickle.dumps((Settings(SPEC, Grid({"lag": (1, 2)})), archive)))
    before = pickle.dumps(shared)
    settings, evaluator = shared.made()
    assert len(list(evaluator.curves([spec for _, spec in settings]))) == 2
    assert shared.made() == (settings, evaluator)
    assert pickle.dumps(shared) == before
    assert len(pickle.loads(before).made()[0]) == 2


@pytest.mark.skipif(not workers.STATUS.exists(), reason="only Linux counts what started a program")
def test_the_peak_of_memory_is_not_that_of_what_started_the_program(monkeypatch):
    monkeypatch.setattr(workers.resource, "getrusage", lambda _: pytest.fail("the size of the parent is in it"))
    assert 1 << 24 < workers.peak_memory() < 1 << 36


def test_without_workers_this_process_does_what_is_called(archive):
    with WorkerPool(1, None, Settings(SPEC, Grid({"lag": (1, 2)})), archive) as pool:
        assert pool.call(divmod, 7, 2) == (3, 1)
        before = workers.peak_memory()  # may grow by the time of the other
        assert pool.peak_memory >= before > 0


def test_a_chunk_of_decisions_taken_elsewhere_is_the_same_to_the_byte(archive, tmp_path, monkeypatch):
    settings = Settings(SPEC, Grid({"lag": (1, 2), "fill": ("close", "open"), "weights.above": (-0.1, 0.1)}))
    (chunk,), universe = plan(settings, [], tmp_path), load_thesis().universe
    expected = encoded(chunk, settings, Evaluator(archive, universe))
    decisions = decided(chunk.numbers, settings, Evaluator(archive, universe))
    sent = {key: pickle.loads(pickle.dumps(books)) for key, books in decisions.items()}  # equal sessions are no longer one object
    monkeypatch.setattr(Evaluator, "_make_path", None)  # nothing is decided from here on
    other = Settings(SPEC, Grid({"lag": (1, 2), "fill": ("close", "open"), "weights.above": (-0.1, 0.1)}))
    other.parts(chunk.numbers[-1])  # a worker may meet another setting first
    assert encoded(chunk, other, Evaluator(archive, universe), sent) == expected


def test_a_search_without_a_benchmark_is_compared_with_nothing(archive):
    """The Chinese funds end on 2026-07-31: from 2026-08-03 on a book of Shanghai has none."""
    spec = load_strategy(ROOT / "strategies" / "theme_baskets.py").replaced(baskets=("optical",), start=date(2026, 8, 3))
    evaluator = Evaluator(archive, load_thesis().universe)
    assert evaluator.benchmark(spec, "optical").isna().all()
    values = evaluator.benchmark(spec.replaced(start=date(2026, 7, 30)), "optical")
    assert [f"{day:%m-%d}" for day in values.dropna().index] == ["07-30", "07-31"]
