"""Every setting is compared with its own twin, the same with the signal on wherever it has a value, and curves are counted."""

from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest
from support.markets import ROOT

from backtest.decisions import decide
from backtest.signals import SUPPLY_CHAIN
from backtest.statistics.overfitting import deflated_sharpe
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import superior
from backtest.strategy import load_strategy
from backtest.sweeps.chunks import encoded, evaluate, plan
from backtest.sweeps.evaluator import Curve, Evaluator
from backtest.sweeps.grid import Grid
from backtest.sweeps.measurement import HOLDING, SEED, measure, without_benchmark
from backtest.sweeps.settings import Settings, applied
from backtest.sweeps.workers import WorkerPool

SPEC = load_strategy(ROOT / "strategies" / "supply_chain_excess.py")


@dataclass
class Declared:
    """A universe that compares every book with the same."""

    given: tuple[str, ...]

    def comparisons(self, baskets):
        return self.given


def measured(settings, archive, folder, trials):
    with WorkerPool(1, None, settings, archive) as pool:
        chunks = plan(settings, ["code"], folder)
        evaluate(chunks, False, partial(pool.each, encoded), lambda _: None)
        return measure(chunks, settings, archive, pool, trials)


def test_a_curve_has_the_values_of_the_same_setting_with_the_signal_on_wherever_it_has_a_value(archive):
    fields = {"lag": 2, "slippage_bps": 10.0, "rebalance": "quarterly"}
    specs = [applied(SPEC, fields | {"weights.above": above}) for above in (-9.0, 0.0, 9.0)]
    evaluator = Evaluator(archive, archive.thesis.universe)
    on, gated, off = evaluator.curves(specs)
    (twin,) = Evaluator(archive, archive.thesis.universe).curves([specs[1].replaced(weights=SPEC.weights.twin)])
    for curve in (on, gated, off):
        assert np.abs(curve.twin / twin.values - 1.0).max() < 1e-12
    assert (twin.twin, twin.acts) == (None, False)
    assert [on.acts, gated.acts, off.acts] == [False, True, False]
    assert (on.values == on.twin).all()
    assert (off.values != off.twin).any()


FIELDS = {"weights.above": (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)}
IDLE = (0, 1)  # equal to the twin to the last bit
SAME = (2, 3)  # equal to each other, better than the twin; 4 is worse than it and 5 a little worse on two days


@pytest.fixture
def drawn(monkeypatch):
    """Put drawn curves in place of the evaluator's: those of `IDLE`, `SAME` and two others."""

    def curves(evaluator, specs, executions=None, decided=None):
        sessions = evaluator.sessions(specs[0], "leaders")
        chance = np.random.default_rng(20250723)
        twin, better, worse = (chance.normal(mean, 0.02, len(sessions) - 1) for mean in (0.001, 0.0, 0.0))
        near = twin.copy()
        near[[100, 200]] = near[[200, 100]] - 0.0001
        returns = [twin, twin, twin + 0.002 + better / 10, twin + 0.002 + better / 10, twin - 0.001 + worse / 10, near]
        values = [np.concatenate([[1.0], np.cumprod(1.0 + given)]) for given in returns]
        for number, spec in enumerate(specs):
            above = spec.weights.above
            at = FIELDS["weights.above"].index(above) if above in FIELDS["weights.above"] else 0  # the strategy as declared
            yield Curve(number, "leaders", sessions, values[at], 242, values[0], at not in IDLE)

    monkeypatch.setattr(Evaluator, "curves", curves)
    return curves


def test_what_the_signals_added_is_that_of_six_settings_worked_by_hand(drawn, archive, tmp_path):
    settings = Settings(SPEC, Grid(FIELDS))
    done = measured(settings, archive, tmp_path, trials=10)
    statistics, table = done.statistics, done.table
    evaluator = Evaluator(archive, archive.thesis.universe)
    curves = [pd.Series(curve.values, curve.sessions) for curve in drawn(evaluator, [spec for _, spec in settings])]
    returns = pd.concat([curve.pct_change().iloc[1:] for curve in curves], axis=1)
    excess = returns.sub(returns[0], axis=0)
    # Curves: the twin's, the one of `SAME`, the worse, the near. Ledger: four trials before these six.
    assert statistics.curves == 4
    assert statistics.deflated_sharpe.trials == 10
    assert statistics.deflated_sharpe_curves.trials == 4 + 4
    ratios = [returns[row].mean() / returns[row].std() for row in (0, 2, 4, 5)]
    assert statistics.deflated_sharpe_curves.threshold == pytest.approx(
        deflated_sharpe(returns[2], np.array(ratios), 8).threshold, rel=1e-9
    )
    twins = statistics.twins
    assert (twins.idle, twins.beating, twins.richer, twins.best) == (2 / 6, 2 / 6, 2 / 6, settings.spec_id(2))
    alone = superior(pd.Series(0.0, excess.index), excess[[2, 3, 4, 5]], SEED, HOLDING["monthly"])
    assert twins.spa.consistent == pytest.approx(alone.consistent, abs=1e-12)
    assert (twins.spa.trials, twins.spa.n) == (4, len(excess))
    ratios = np.array([excess[row].mean() / excess[row].std() for row in (2, 4, 5)])
    once, every = (deflated_sharpe(excess[2], given, count) for given, count in ((ratios, 3 + 4), (ratios[[0, 0, 1, 2]], 10)))
    assert twins.deflated_sharpe_curves.probability == pytest.approx(once.probability, abs=1e-9)
    assert twins.deflated_sharpe.probability == pytest.approx(every.probability, abs=1e-9)
    whole = np.array([curve.iloc[-1] / curve.iloc[0] - 1.0 for curve in curves])
    assert table["twin_total_return whole"].to_numpy() == pytest.approx(whole[[0] * 6])
    assert table["difference whole"].to_numpy() == pytest.approx(whole - whole[0])
    ratio = returns[0].mean() / returns[0].std() * np.sqrt(242)
    assert table["twin_sharpe whole"].to_numpy() == pytest.approx([ratio] * 6)
    assert table["acts"].tolist() == [False, False, True, True, True, True]
    best = done.best.windows["whole"]
    assert (best.difference, best.twin_total_return) == pytest.approx((whole[2] - whole[0], whole[0]))


@pytest.mark.slow
def test_thresholds_that_no_score_lies_between_are_one_curve(archive, tmp_path):
    """The thresholds of the large grid, monthly: the scores at the decisions say which of them can differ at all."""
    spec = SPEC.replaced(end=date(2026, 7, 22))
    above = tuple(round(-0.3 + 0.02 * step, 12) for step in range(33))
    settings = Settings(spec, Grid({"weights.above": above}))
    universe = archive.thesis.universe
    decisions = decide(spec, "leaders", archive, universe, Evaluator(archive, universe).sessions(spec, "leaders"))
    scores = np.array([decision.scores[0][SUPPLY_CHAIN] for decision in decisions])
    known = scores[~np.isnan(scores)]
    answers = [tuple(known > threshold) for threshold in above]
    constant = [threshold for threshold, answer in zip(above, answers, strict=True) if len(set(answer)) == 1]
    done = measured(settings, archive, tmp_path, trials=33)
    assert done.statistics.curves == len(set(answers)) == 7
    assert done.statistics.twins.idle == len(constant) / 33 == 13 / 33
    assert done.table["acts"].tolist() == [threshold not in constant for threshold in above]


def test_a_weighting_without_a_signal_has_no_twin(archive, tmp_path):
    hold = load_strategy(ROOT / "strategies" / "theme_baskets.py").replaced(baskets=("optical", "copper"))
    done = measured(Settings(hold, Grid({"lag": (1, 2), "slippage_bps": (0.0, 5.0)})), archive, tmp_path, trials=4)
    assert isinstance(done.statistics.twins, Refused)
    assert "reads no signal" in done.statistics.twins.reason
    assert done.statistics.curves == 8
    assert not [name for name in done.table if name.startswith(("twin", "difference"))]
    median, declared, benchmark = done.compared
    returns = done.table["total_return whole"]
    assert median.windows["whole"].total_return == pytest.approx(np.median(returns), abs=1e-12)
    curves = {curve.book: curve for curve in Evaluator(archive, archive.thesis.universe).curves([hold])}
    values, sessions = curves[done.best.book].values, curves[done.best.book].sessions
    shared = sessions[sessions <= done.windows[-1].end]
    alone = pd.Series(values, sessions)[shared]
    assert (declared.name, declared.id) == ("declared", hold.spec_id)
    assert declared.windows["whole"].total_return == pytest.approx(alone.iloc[-1] / alone.iloc[0] - 1.0, abs=1e-12)
    chosen = (done.table["spec_id"] == hold.spec_id) & (done.table["book"] == done.best.book)
    own = done.table.take(np.flatnonzero(chosen))
    for name, figures in declared.windows.items():
        assert own[f"sharpe {name}"].tolist() == pytest.approx([figures.sharpe], abs=1e-12)
    assert benchmark.id == archive.thesis.universe.comparisons((done.best.book,))[0].ticker


def test_a_search_without_a_benchmark_says_that_none_was_declared():
    specs = [SPEC.replaced(baskets=("optical", "copper"))]
    none, some = (Declared(given) for given in ((), ("159915.SZ",)))
    assert without_benchmark(specs, none) == "no benchmark is declared for copper, optical"
    assert without_benchmark(specs, some) == "no two sessions on which every book has a benchmark"
