"""Prints, as Markdown, how often each statistic is wrong when nothing is there, and finds what has been planted.

Run: python benchmarks/sizes.py [share of the full number of samples]
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.bootstrap import SPA

from backtest.statistics import (
    bootstrap,
    events,
    hac,
    influence,
    lead_lag,
    markov_switching,
    named_events,
    nulls,
    overfitting,
    partial_pooling,
    spa,
    uncertainty,
    window_rank,
)

DAYS = pd.bdate_range("2023-01-02", periods=880)


@dataclass(frozen=True)
class Row:
    """One measured rate: `promised` is what the statistic says it is, None for power."""

    statistic: str
    sample: str
    promised: float | None
    rate: float
    samples: int

    def __str__(self):
        promised = "" if self.promised is None else f"{self.promised:.1%}"
        error = math.sqrt(max(self.rate * (1 - self.rate), 1e-9) / self.samples)
        return f"| {self.statistic} | {self.sample} | {promised} | {self.rate:.1%} ± {error:.1%} | {self.samples} |"


def rows(samples, seed, width, rho=0.0, tails=None):
    """Return samples × width standardised AR(1) numbers, shocks normal or Student's t of `tails` degrees."""
    rng = np.random.default_rng(seed)
    shape = (samples, width + 40)
    shocks = rng.normal(size=shape) if tails is None else rng.standard_t(tails, shape) * math.sqrt(1 - 2 / tails)
    series = shocks.copy()
    for column in range(1, shape[1]):
        series[:, column] = rho * series[:, column - 1] + math.sqrt(1 - rho**2) * shocks[:, column]
    return series[:, 40:]


def rate(flags):
    return float(np.mean(list(flags)))


def sharpe_errors(share) -> Iterator[Row]:
    samples = int(800 * share)
    for n, rho, tails in [
        (30, 0.0, None),
        (61, 0.0, None),
        (61, 0.2, None),
        (61, 0.5, None),
        (61, 0.0, 4),
        (880, 0.0, None),
        (880, 0.2, None),
    ]:
        estimates = [uncertainty.sharpe_estimate(pd.Series(row), 1) for row in rows(samples, n, n, rho, tails) + 0.1]
        case = f"n={n}, autocorrelation {rho}, {'normal' if tails is None else 't4'} returns"
        yield Row(
            "Sharpe: true ratio outside the t_ν interval",
            case,
            0.05,
            rate(not estimate.lower <= 0.1 <= estimate.upper for estimate in estimates),
            samples,
        )
        yield Row(
            "Sharpe: outside 1.96 iid errors",
            case,
            0.05,
            rate(abs(estimate.ratio - 0.1) > 1.96 * estimate.iid_error for estimate in estimates),
            samples,
        )


def bootstrapped(share) -> Iterator[Row]:
    samples = int(320 * share)
    for n, rho in [(30, 0.0), (61, 0.0), (61, 0.2), (252, 0.0), (252, 0.2)]:
        for name, interval in (("mean", bootstrap.mean_interval), ("Sharpe", bootstrap.sharpe_interval)):
            estimates = [
                interval(pd.Series(row), 1, seed, repetitions=300) for seed, row in enumerate(rows(samples, n + 1, n, rho) + 0.1)
            ]
            missed = rate(not estimate.lower <= 0.1 <= estimate.upper for estimate in estimates)
            yield Row(f"bootstrap: true {name} outside the interval", f"n={n}, autocorrelation {rho}", 0.05, missed, samples)


def drawdowns(share) -> Iterator[Row]:
    samples = int(320 * share)
    for n, rho in [(61, 0.0), (252, 0.0), (252, 0.2)]:
        paths = 0.001 + 0.02 * rows(samples, n + 2, n, rho)
        others = bootstrap.deepest(0.001 + 0.02 * rows(samples, n + 3, n, rho))
        estimates = [bootstrap.drawdown_interval(pd.Series(path), seed, repetitions=300) for seed, path in enumerate(paths)]
        missed = rate(not estimate.lower <= other <= estimate.upper for estimate, other in zip(estimates, others, strict=True))
        yield Row("drawdown of another path outside the interval", f"n={n}, autocorrelation {rho}", 0.05, missed, samples)


def regimes(share) -> Iterator[Row]:
    samples = int(400 * share)
    for n, tails in [(61, None), (61, 4), (122, None)]:
        for planted in (0.0, 3.0, 6.0, 9.0):
            returns = 0.02 * rows(samples, 7 * n, 880, 0.0, tails)
            returns[:, 300 : 300 + n] += 0.02 * planted / math.sqrt(252)
            estimates = [window_rank.standing(pd.Series(row), 300, 300 + n, 252, 10) for row in returns]
            case = f"window {n} of 880 days, {'normal' if tails is None else 't4'}, annual Sharpe {planted:g} in it, 10 trials"
            null = planted == 0.0
            yield Row(
                "regime: rank p at most 5%",
                case,
                0.05 if null else None,
                rate(estimate.p <= 0.05 for estimate in estimates),
                samples,
            )
            yield Row(
                "regime: supported",
                case,
                0.025 if null else None,
                rate(estimate.verdict == window_rank.SUPPORTED for estimate in estimates),
                samples,
            )


def states(share) -> Iterator[Row]:
    samples = int(24 * share)
    cases = {
        "one normal state": rows(samples, 5, 600),
        "one t4 state": rows(samples, 6, 600, 0.0, 4),
        "two states": rows(samples, 8, 600),
    }
    cases["two states"][:, 200:350] = 2.0 * cases["two states"][:, 200:350] - 0.3
    for case, returns in cases.items():
        estimates = [markov_switching.two_states(pd.Series(row)) for row in returns]
        promised = None if case == "two states" else 0.0
        yield Row(
            "two states: BIC prefers them, fit converged",
            f"n=600, {case}",
            promised,
            rate(estimate.bic_gain > 0 and estimate.converged for estimate in estimates),
            samples,
        )
        yield Row(
            "two states: the fit warns", f"n=600, {case}", None, rate(not estimate.converged for estimate in estimates), samples
        )


def rotations(share) -> Iterator[Row]:
    samples = int(800 * share)
    for n, lags in [(14, (1,)), (14, (0, 1)), (14, (0, 1, 2, 3, 4)), (30, (1,))]:
        for rho in (0.0, 0.5):
            pairs = zip(rows(samples, 21, n, rho), rows(samples, 22, n, rho), strict=True)
            estimates = [lead_lag.circular_shift(pd.Series(x), pd.Series(y), lags).p for x, y in pairs]
            case = f"{n} quarters, lags {lags}, autocorrelation {rho}"
            yield Row("circular shift: p at the floor 1/T", case, 1 / n, rate(p <= 1 / n + 1e-9 for p in estimates), samples)
        leader = rows(samples, 23, n + 1, 0.3)
        follower = 0.8 * leader[:, :-1] + 0.6 * rows(samples, 24, n, 0.3)
        estimates = [
            lead_lag.circular_shift(pd.Series(x), pd.Series(y), lags) for x, y in zip(leader[:, 1:], follower, strict=True)
        ]
        case = f"{n} quarters, lags {lags}, planted correlation 0.8 at lag 1"
        yield Row(
            "circular shift: p at the floor 1/T",
            case,
            None,
            rate(estimate.p <= estimate.least + 1e-9 for estimate in estimates),
            samples,
        )
        yield Row(
            "circular shift: p at most lags/T",
            case,
            None,
            rate(estimate.p <= estimate.reach + 1e-9 for estimate in estimates),
            samples,
        )


def regressions(share) -> Iterator[Row]:
    samples = int(800 * share)
    for n, rho in [(14, 0.0), (14, 0.5), (61, 0.5), (880, 0.2)]:
        causes, noise = rows(samples, 31, n, rho), rows(samples, 32, n, rho)
        case = f"n={n}, autocorrelation {rho} of cause and error"
        yield Row(
            "EWC regression: slope at 5%",
            case,
            0.05,
            rate(_slope_p(x, u) <= 0.05 for x, u in zip(causes, noise, strict=True)),
            samples,
        )
        yield Row(
            "Newey–West, normal critical values: at 5%",
            case,
            0.05,
            rate(_newey_west_p(x, u) <= 0.05 for x, u in zip(causes, noise, strict=True)),
            samples,
        )
        power = rate(_slope_p(x, 1.5 * x + u) <= 0.05 for x, u in zip(causes, noise, strict=True))
        yield Row("EWC regression: slope at 5%", f"{case}, planted slope 1.5", None, power, samples)


def _slope_p(cause, outcome):
    return hac.regress(pd.Series(outcome), pd.DataFrame({"x": cause})).coefficients["x"].p


def _newey_west_p(cause, outcome):
    from statsmodels.regression.linear_model import OLS

    lags = math.floor(4 * (len(cause) / 100) ** (2 / 9))
    return OLS(outcome, np.column_stack([np.ones(len(cause)), cause])).fit(cov_type="HAC", cov_kwds={"maxlags": lags}).pvalues[1]


def suppliers(share) -> Iterator[Row]:
    samples = int(240 * share)
    for common, planted in [(0.0, 0.0), (0.7, 0.0), (0.7, 1.0)]:
        capex, shared = rows(samples, 41, 14), rows(samples, 42, 14)
        own = rows(samples * 6, 43, 14).reshape(samples, 6, 14)
        growth = planted * capex[:, None, :] + common * shared[:, None, :] + math.sqrt(1 - common**2) * own
        given = [partial_pooling.slopes(pd.DataFrame(g.T), pd.Series(x)) for g, x in zip(growth, capex, strict=True)]
        apart = [
            partial_pooling.Slopes(estimate.estimates, np.diag(np.diag(estimate.covariance)), estimate.n) for estimate in given
        ]
        case, promised = f"6 suppliers × 14 quarters, common shock {common}, mean slope {planted:g}", None if planted else 0.05
        for name, these in (
            ("pooled mean slope: interval excludes 0", given),
            ("the same, suppliers taken as independent", apart),
        ):
            estimates = [partial_pooling.pool(estimate, scale=0.5).mean for estimate in these]
            yield Row(name, case, promised, rate(estimate.lower > 0.0 or estimate.upper < 0.0 for estimate in estimates), samples)


def announcements(share) -> Iterator[Row]:
    samples = int(200 * share)
    rng = np.random.default_rng(51)
    for tails, planted in [(None, 0.0), (4, 0.0), (None, 1.0)]:
        case = f"4 portfolios, correlation 0.6, 14 dates, {'normal' if tails is None else 't4'}, {planted:g} deviations planted"
        estimates = [_study(rng, seed, tails, planted) for seed in range(samples)]
        promised = None if planted else 0.05
        yield Row("events: Kolari–Pynnönen at 5%", case, promised, rate(estimate.p <= 0.05 for estimate in estimates), samples)
        yield Row(
            "events: random dates at 5%", case, promised, rate(estimate.random.p <= 0.05 for estimate in estimates), samples
        )
        plain = rate(abs(estimate.unadjusted_t) > 2.0 for estimate in estimates)
        yield Row("events: portfolios taken as independent, t beyond 2", case, promised, plain, samples)


def _study(rng, seed, tails, planted):
    market, common, *own = rows(6, rng.integers(2**32), 500, 0.0, tails)
    returns = np.array([0.01 * market + 0.02 * (math.sqrt(0.6) * common + math.sqrt(0.4) * portfolio) for portfolio in own]).T
    days = sorted(rng.choice(np.arange(120, 500), 14, replace=False))
    returns[days] += 0.02 * planted
    table = pd.DataFrame(returns, DAYS[:500], list("abcd"))
    return events.event_study(table, pd.Series(0.01 * market, DAYS[:500]), list(DAYS[days]), seed, draws=199)


def catalysts(share) -> Iterator[Row]:
    """Ten events in a window of 60 of 1,000 sessions whose drift is high: each ranked among all sessions, and all together."""
    samples = int(200 * share)
    rng = np.random.default_rng(52)
    for tails, planted in [(None, 0.0), (4, 0.0), (None, 4.0), (4, 4.0)]:
        estimates = [_catalysts(rng, seed, tails, planted) for seed in range(samples)]
        case = f"4 portfolios, 10 events in 60 of 1,000 sessions, {'normal' if tails is None else 't4'}"
        what, promised = f"{case}, {planted:g} deviations planted on one", None if planted else 0.05
        named = rate(any(event.distinguishable for event in estimate.events) for estimate in estimates)
        yield Row("catalysts: any of a window's events named", what, promised, named, samples)
        if not planted:
            together = [estimate.together for estimate in estimates]
            yield Row(
                "catalysts: events together, Kolari–Pynnönen at 5%", what, 0.05, rate(t.p <= 0.05 for t in together), samples
            )
            drawn = rate(estimate.random.p <= 0.05 for estimate in together)
            yield Row("catalysts: events together, sessions of the window at 5%", what, 0.05, drawn, samples)


def _catalysts(rng, seed, tails, planted):
    common, *own = rows(5, rng.integers(2**32), 1000, 0.0, tails)
    abnormal = np.array([0.02 * (math.sqrt(0.6) * common + math.sqrt(0.4) * portfolio) for portfolio in own]).T
    first = int(rng.integers(200, 900))
    abnormal[first : first + 60] += 0.003
    days = sorted(rng.choice(np.arange(first, first + 60), 10, replace=False))
    abnormal[days[0]] += 0.02 * planted
    index = pd.bdate_range("2022-01-03", periods=1000)
    table = pd.DataFrame(abnormal, index, list("abcd"))
    return named_events.span_study(table, list(index[days]), index[first], index[first + 59], seed)


def placebos(share) -> Iterator[Row]:
    samples = int(800 * share)
    rng = np.random.default_rng(61)
    pool = [f"n{number}" for number in range(10)]
    baskets = nulls.placebo_baskets(pool, pool[:3], 500, 1).baskets
    places = np.array([[int(name[1:]) for name in basket] for basket in baskets])
    for planted in (0.0, 2.0):
        earned = rng.normal(size=(samples, 10))
        earned[:, :3] += planted
        estimates = [nulls.chance(float(row[:3].mean()), row[places].mean(axis=1)).p for row in earned]
        case = f"3 of 10 names, all 120 baskets, {planted:g} deviations planted"
        yield Row("placebo baskets: p at most 5%", case, None if planted else 0.05, rate(p <= 0.05 for p in estimates), samples)
    families = rng.random((samples // 2, 8))
    wrong = rate(min(nulls.holm({str(k): p for k, p in enumerate(row)}).adjusted.values()) <= 0.05 for row in families)
    yield Row("Holm: any of 8 true nulls rejected", "independent", 0.05, wrong, samples // 2)


@dataclass(frozen=True)
class Search:
    """Trials over 1,150 days, any two correlated by `shared`, `able` of them with a true annual Sharpe ratio of `sharpe`."""

    trials: int
    shared: float = 0.0
    sharpe: float = 0.0
    able: int = 0

    def __str__(self):
        apart = f"correlation {self.shared}" if self.shared else "independent"
        return f"best of {self.trials}, {apart}" + (f", {self.able} with an annual ratio of {self.sharpe:g}" if self.able else "")

    def returns(self, seed):
        drawn = rows(self.trials + 1, [70_000, seed], 1150)
        mixed = math.sqrt(self.shared) * drawn[:1] + math.sqrt(1 - self.shared) * drawn[1:]
        mixed[: self.able] += self.sharpe / math.sqrt(252)
        return pd.DataFrame(0.01 * mixed.T)


NOISE = (Search(50), Search(200), Search(100, 0.5), Search(100, 0.9), Search(100, 0.99))
EDGES = (Search(100, 0.0, 2.0, 1), Search(100, 0.0, 3.0, 1), Search(100, 0.5, 3.0, 1), Search(100, 0.5, 2.0, 20))


def searches(share, tried=(*NOISE, *EDGES)) -> Iterator[Row]:
    samples = int(320 * share)
    for search in tried:
        estimates = [searched(search, seed) for seed in range(samples)]
        deflated, overfit, p = (np.array(column) for column in zip(*estimates, strict=True))
        case, promised = str(search), None if search.able else 0.05
        yield Row("Deflated Sharpe above 95%", case, promised, rate(deflated > 0.95), samples)
        yield Row("mean PBO", case, None if search.able else 0.5, rate(overfit), samples)
        yield Row("PBO at most 5%", case, promised, rate(overfit <= 0.05), samples)
        yield Row("SPA consistent p at most 5%", case, promised, rate(p <= 0.05), samples)


def searched(search, seed):
    table, nothing = search.returns(seed), pd.Series(0.0, range(1150))
    pbo, superior = overfitting.overfitting(table, fewest_per_block=25), spa.superior(nothing, table, seed, 25, 500)
    return _deflated(table), pbo.probability, superior.consistent


def _deflated(table):
    ratios = (table.mean() / table.std()).to_numpy()
    return overfitting.deflated_sharpe(table.iloc[:, int(ratios.argmax())], ratios).probability


def thresholds(share) -> Iterator[Row]:
    samples, n = int(4000 * share), 1150
    for tails in (None, 4):
        for trials in (1, 100):
            true = window_rank.expected_best(trials) / math.sqrt(n)
            drawn = rows(samples, 71, n, 0.0, tails) + true
            estimates = [
                overfitting.probabilistic_sharpe(
                    returns.mean() / returns.std(ddof=1),
                    true,
                    n,
                    *((((returns - returns.mean()) / returns.std()) ** k).mean() for k in (3, 4)),
                )
                for returns in drawn
            ]
            case = f"one strategy as good as the threshold of {trials} trials, {'normal' if tails is None else 't4'} returns"
            yield Row("Deflated Sharpe above 95%", case, 0.05, rate(probability > 0.95 for probability in estimates), samples)


def exposures(share) -> Iterator[Row]:
    samples, days, exposure = int(320 * share), 252, np.linspace(0.2, 4.0, 30)
    for planted in (0.0, 0.25):
        estimates = []
        for seed in range(samples):
            trials = 0.01 * rows(30, [72_000, seed], days)
            trials[0] += 0.01 * planted
            table = (trials * exposure[:, None]).T
            raw = SPA(np.zeros(days), -table, 5, 300, seed=np.random.default_rng(seed))
            raw.compute()
            ours = spa.superior(pd.Series(0.0, range(days)), pd.DataFrame(table), seed, 5, 300)
            estimates.append((ours.consistent, raw.pvalues["consistent"]))
        case = f"30 trials, exposures 0.2 to 4, 252 days, the smallest with a daily ratio of {planted:g}"
        for column, name in enumerate(("SPA consistent p at most 5%", "the same, means not divided by their spread (`arch`)")):
            yield Row(name, case, None if planted else 0.05, rate(pair[column] <= 0.05 for pair in estimates), samples)


def divisors(share) -> Iterator[Row]:
    samples, estimates = int(160 * share), []
    for seed in range(samples):
        table = Search(100).returns(seed)
        centred = (table - table.mean()).to_numpy().T
        errors = spa.Draws(1150, 25, seed, 2)._error(centred)
        hansen = SPA(np.zeros(1150), -table.to_numpy() / errors, 25, 300, seed=np.random.default_rng(seed))
        hansen.compute()
        ours = spa.superior(pd.Series(0.0, table.index), table, seed, 25, 300)
        estimates.append((ours.consistent, hansen.pvalues["consistent"]))
    for column, name in enumerate(
        ("SPA consistent p at most 5%", "the same, means divided by their errors from autocovariances")
    ):
        yield Row(name, f"{Search(100)}, blocks of 25 days", 0.05, rate(pair[column] <= 0.05 for pair in estimates), samples)


QUARTERS, QUARTER = 14, 63  # of a signal that is known once a quarter, and the days of each
THRESHOLDS = np.arange(-16, 17) / 10  # of the gate that it opens, in its standard deviations


def gates(share) -> Iterator[Row]:
    """A gate on one basket, every threshold against its twin, which holds the basket throughout; off, both hold cash or it."""
    samples = int(320 * share)
    for drift, loss in ((0.0, 0.0), (0.001, 0.0), (0.0, 0.002), (0.0, 0.004)):
        signals = rows(samples, 91, QUARTERS, 0.5)
        days = 0.025 * rows(samples, 92, QUARTERS * QUARTER)
        estimates = []
        for seed, (signal, noise) in enumerate(zip(signals, days, strict=True)):
            known = np.repeat(signal, QUARTER)
            returns = noise + drift - loss * (known < 0.0)
            estimates.append(_over_twin(-returns[:, None] * (known[:, None] <= THRESHOLDS), seed))
        p, settings, curves = (np.array(column) for column in zip(*estimates, strict=True))
        promised = None if loss else 0.05
        case = f"33 thresholds of a gate, 14 quarters of 63 days, {_world(drift, loss)}"
        yield Row("SPA over twins: consistent p at most 5%", case, promised, rate(p <= 0.05), samples)
        yield Row(
            "Deflated Sharpe of the best excess over a twin above 95%, N settings", case, promised, rate(settings > 0.95), samples
        )
        yield Row("the same, N distinct curves", case, promised, rate(curves > 0.95), samples)


def _world(drift, loss):
    if loss:
        return f"the basket loses {21 * loss:.1%} a month while the signal is below its mean"
    return f"the basket gains {21 * drift:.1%} a month whatever the signal says"


def _over_twin(excess, seed):
    """Return the p-value of SPA and both Deflated Sharpe Ratios of excesses over twins, of which some never differ from zero."""
    table = pd.DataFrame(excess[:, np.ptp(excess, axis=0) > 0.0])
    best = spa.Draws(len(table), 25, seed, 500).best_of(excess)
    ratios = (table.mean() / table.std()).to_numpy()
    once = ratios[~table.T.duplicated().to_numpy()]
    chosen = table.iloc[:, int(ratios.argmax())]
    settings = overfitting.deflated_sharpe(chosen, ratios, len(THRESHOLDS)).probability
    curves = overfitting.deflated_sharpe(chosen, once).probability
    return spa.superior_of([best], len(table)).consistent, settings, curves


def alphas(share) -> Iterator[Row]:
    samples = int(400 * share)
    for n in (61, 880):
        factors, noise = rows(samples * 4, 81, n).reshape(samples, 4, n), rows(samples, 82, n, 0.2)
        for planted in (0.0, 0.3):
            estimates = []
            for causes, errors in zip(factors, noise, strict=True):
                returns = 0.01 * (causes.sum(axis=0) + errors + planted)
                estimates.append(influence.alpha(pd.Series(returns), pd.DataFrame(0.01 * causes.T, columns=list("mscn")), 252))
            case = f"n={n}, 4 factors, error autocorrelation 0.2, {planted:g} deviations a day planted"
            yield Row(
                "alpha at 5%", case, None if planted else 0.05, rate(estimate.annual.p <= 0.05 for estimate in estimates), samples
            )


def pairs(share) -> Iterator[Row]:
    """A book and its control: a market that both hold, and what the signal adds; acting on all sessions or on the first tenth."""
    samples = int(320 * share)
    for n, rho, acting in [(35, 0.0, 1.0), (61, 0.0, 1.0), (252, 0.0, 1.0), (252, 0.2, 1.0), (880, 0.2, 1.0), (880, 0.0, 0.1)]:
        market = 0.001 + 0.02 * rows(samples, 91 + n, n, rho)
        own = 0.01 * rows(samples, 92 + n, n, rho) * (np.arange(n) < acting * n)
        case = f"n={n}, autocorrelation {rho}, the signal acts on {acting:.0%} of sessions"
        for planted in (0.0, 0.3):
            books = (1.0 + market) * np.exp(own + 0.01 * planted * (np.arange(n) < acting * n)) - 1.0
            estimates = [
                bootstrap.paired_interval(pd.Series(book), pd.Series(control), seed, repetitions=300)
                for seed, (book, control) in enumerate(zip(books, market, strict=True))
            ]
            apart = rate(estimate.lower > 0.0 or estimate.upper < 0.0 for estimate in estimates)
            what = f"{case}, {planted:g} deviations a session planted"
            yield Row("paired difference: interval excludes 0", what, None if planted else 0.05, apart, samples)


STUDIES: tuple[Callable[[float], Iterator[Row]], ...] = (
    sharpe_errors,
    bootstrapped,
    drawdowns,
    regimes,
    states,
    rotations,
    regressions,
    suppliers,
    announcements,
    catalysts,
    placebos,
    searches,
    thresholds,
    exposures,
    divisors,
    gates,
    alphas,
    pairs,
)


def main():
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print("| statistic | sample | promised | measured | samples |\n|---|---|---|---|---|")
    for study in STUDIES:
        for row in study(share):
            print(row, flush=True)


if __name__ == "__main__":
    main()
