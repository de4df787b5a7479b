"""A sweep's settings are those of the grid, and each is the run of that setting."""

import numpy as np
import pytest
from markets_for_tests import ROOT, strategy

from backtest.errors import ConfigurationError
from backtest.run import run
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
