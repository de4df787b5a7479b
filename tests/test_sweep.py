"""A sweep's settings are those of the grid, and each is the run of that setting."""

import pickle

import numpy as np
import pytest
from markets_for_tests import ROOT, strategy

from backtest.errors import ConfigurationError, DataError
from backtest.run import run
from backtest.sweep import chunks
from backtest.sweep.chunks import evaluate, merged, plan, shard_of
from backtest.sweep.cluster import Shared
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.grid import Grid, applied, load_grid, specs_of
from backtest.universe import load_universe

SPEC = strategy(ROOT / "strategies" / "supply_chain_excess.py")
SAMPLE = ROOT / "sweeps" / "supply_chain_excess.toml"


def test_twenty_random_settings_of_the_sample_grid_equal_their_runs(daily):
    every = [spec for _, spec in specs_of(SPEC, load_grid(SAMPLE))]
    assert len(every) >= 10_000
    chosen = [every[number] for number in np.random.default_rng(20250723).choice(len(every), 20, replace=False)]
    found = {curve.number: curve.equity for curve in Evaluator(daily, load_universe()).curves(chosen)}
    assert sorted(found) == list(range(20))
    for number, spec in enumerate(chosen):
        alone = run(spec, daily).books["leaders"].equity
        assert (found[number].index == alone.index).all()
        assert np.abs(found[number] / alone - 1.0).max() < 1e-12
    assert len({float(equity.iloc[-1]) for equity in found.values()}) > 10  # the settings differ


def test_books_walked_together_equal_books_walked_alone(daily):
    settings = [{"weights.above": above, "lag": 2, "rebalance": "weekly"} for above in (-0.2, 0.0, 0.05, 0.1)]
    specs = [applied(SPEC, setting) for setting in settings]
    together = {curve.number: curve.equity for curve in Evaluator(daily, load_universe()).curves(specs)}
    for number, spec in enumerate(specs):
        alone = next(Evaluator(daily, load_universe()).curves([spec])).equity
        assert np.abs(together[number] / alone - 1.0).max() < 1e-12


def grid_file(folder, text):
    path = folder / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_ranges_hold_both_ends_and_conditions_exclude(tmp_path):
    text = '[settings]\nlag = {from = 1, to = 3, step = 1}\nrebalance = ["weekly", "monthly"]\n'
    text += '[[exclude]]\nlag = {gt = 1}\nrebalance = {eq = "weekly"}\n'
    grid = load_grid(grid_file(tmp_path, text))
    assert [(one["lag"], one["rebalance"]) for one in grid.settings()] == [
        (1, "weekly"), (1, "monthly"), (2, "monthly"), (3, "monthly"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[settings]\nlagg = [1]", "did you mean 'lag'"),
        ("[settings]\nlag = [0]", "greater than or equal to 1"),
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
def test_a_grid_that_makes_no_sense_is_refused_before_anything_runs(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said):
        specs_of(SPEC, load_grid(grid_file(tmp_path, text)))


def test_settings_that_come_to_the_same_spec_are_one():
    assert len(specs_of(SPEC, Grid({"slippage_bps": (5, 5.0, 6)}))) == 2


def planned(archive, folder, count=60):
    settings = specs_of(SPEC, load_grid(SAMPLE))[:: 14_784 // count]
    evaluator = Evaluator(archive, load_universe())
    return plan(settings, evaluator, ["data", "code"], folder), settings, evaluator


def test_one_three_and_seven_shards_merge_to_the_same_bytes(daily, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "SETTINGS_PER_CHUNK", 4)
    found = []
    for of in (1, 3, 7):
        cut, settings, evaluator = planned(daily, tmp_path / str(of))
        assert len(cut) > 7
        for one in range(of, 0, -1):
            evaluate(shard_of(cut, f"{one}/{of}"), settings, evaluator, False, lambda _: None)
        merged(cut, tmp_path / f"{of}.parquet")
        found.append((tmp_path / f"{of}.parquet").read_bytes())
    assert found[0] == found[1] == found[2]


def test_resume_leaves_what_is_there_and_a_missing_chunk_is_told(daily, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "SETTINGS_PER_CHUNK", 4)
    cut, settings, evaluator = planned(daily, tmp_path, 12)
    whole = evaluate(cut, settings, evaluator, True, lambda _: None)
    assert whole == len(settings)
    before = cut[0].path.read_bytes()
    cut[0].path.unlink()
    with pytest.raises(DataError, match=r"1 of \d+ chunks are missing"):
        merged(cut, tmp_path / "all.parquet")
    assert evaluate(cut, settings, evaluator, True, lambda _: None) == len(cut[0].numbers)
    assert cut[0].path.read_bytes() == before


@pytest.mark.parametrize("stated", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_refused(stated):
    with pytest.raises(ConfigurationError, match="want I/N"):
        shard_of([], stated)


def test_what_dask_workers_share_is_sent_without_what_one_of_them_computed(weekly):
    shared = Shared(pickle.dumps(weekly))
    before = pickle.dumps(shared)
    assert list(shared.evaluator().curves([SPEC]))
    assert shared.evaluator() is shared.evaluator()
    assert pickle.dumps(shared) == before
    assert len(list(pickle.loads(before).evaluator().curves([SPEC]))) == len(SPEC.books)
