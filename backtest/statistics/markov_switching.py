"""Two states of the market, each with a mean and a variance, found without the thesis's dates.

J. Hamilton, Econometrica 57 (1989), through statsmodels' MarkovRegression.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal

FEWEST_RETURNS = 100
FEWEST_SESSIONS = 2  # that a state of a regime lasts
STARTS = ((0.5, 0.95), (1.0, 0.95), (0.5, 0.8), (1.5, 0.98))  # distance of the means in deviations, probability of staying


@dataclass(frozen=True)
class State:
    """A state's mean and deviation per session, and how many sessions it is expected to last."""

    mean: float
    deviation: float
    duration: float


@dataclass(frozen=True)
class Switching:
    """Two states of excess return, `high` the one of the larger mean; `probability` is that of `high`, smoothed, per session.

    Smoothed means read with all sessions, later ones too: a description, never a signal. `bic_gain` is the BIC of one state,
    normal or Student's t, less that of two: at or below 0 one state, perhaps with fat tails, describes the returns as well, and
    the dates of the states mean nothing. Above 0 it may still be volatility that comes in clusters.
    `warnings` is empty when the fit converged to two states that both occur; otherwise do not rely on it.
    """

    probability: pd.Series
    high: State
    low: State
    log_likelihood: float
    bic_gain: float
    warnings: tuple[str, ...]
    n: int

    @property
    def converged(self) -> bool:
        """Whether the fit may be relied on."""
        return not self.warnings


def two_states(excess: pd.Series) -> Switching | Refused:
    """Return the maximum-likelihood two-state model with switching mean and variance; Refused below 100 returns.

    Fitted from four fixed starting points, the likeliest kept, so that equal returns give equal answers.
    """
    values = excess.to_numpy(float)
    if refused := refusal(values, FEWEST_RETURNS):
        return refused
    centre, spread = float(values.mean()), float(values.std())
    fits = [fit for distance, stay in STARTS if (fit := _fit((values - centre) / spread, distance, stay)) is not None]
    if not fits:
        return Refused("no search for two states came to an end", len(values))
    fitted, notes = max(fits, key=lambda fit: float(fit[0].llf))
    order = np.argsort([-fitted.params[2], -fitted.params[3]])
    states = [_state(fitted.params, int(number), centre, spread) for number in order]
    shares = np.asarray(fitted.smoothed_marginal_probabilities)[:, order]
    likelihood = float(fitted.llf) - len(values) * np.log(spread)
    return Switching(
        probability=pd.Series(shares[:, 0], excess.index, name="probability"),
        high=states[0],
        low=states[1],
        log_likelihood=likelihood,
        bic_gain=one_state_bic(values) + 2.0 * likelihood - 6.0 * np.log(len(values)),
        warnings=(*notes, *_doubts(shares, states)),
        n=len(values),
    )


def one_state_bic(values: Floats) -> float:
    """Return the lower BIC of one normal state (two parameters) and one Student's t (three)."""
    from scipy.stats import norm, t

    fits = [(norm.logpdf(values, values.mean(), values.std()), 2.0), (t.logpdf(values, *t.fit(values)), 3.0)]
    return min(count * float(np.log(len(values))) - 2.0 * float(density.sum()) for density, count in fits)


def _fit(values: Floats, distance: float, stay: float) -> tuple[Any, tuple[str, ...]] | None:
    """Return a fit on standardised returns from one starting point, and what went wrong with it; None where it broke off."""
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    start = np.array([stay, 1.0 - stay, -distance / 2.0, distance / 2.0, 0.5, 1.5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is in mle_retvals and in the doubts below
        try:
            fitted = MarkovRegression(values, k_regimes=2, trend="c", switching_variance=True).fit(
                start_params=start, disp=False, maxiter=200, cov_type="none"
            )
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(fitted.llf):
            return None
    converged = bool(fitted.mle_retvals["converged"])
    return fitted, () if converged else ("the likelihood was still rising when the search stopped",)


def _state(params: Floats, number: int, centre: float, spread: float) -> State:
    """Return a state from statsmodels' order: P(0→0), P(1→0), means, variances."""
    leave = float(1.0 - params[0] if number == 0 else params[1])
    return State(
        mean=float(params[2 + number]) * spread + centre,
        deviation=float(np.sqrt(params[4 + number])) * spread,
        duration=1.0 / leave if leave > 0.0 else float("inf"),
    )


def _doubts(shares: Floats, states: list[State]) -> list[str]:
    doubts = []
    if shares.sum(axis=0).min() < 10.0:
        doubts.append(f"one state has {shares.sum(axis=0).min():.0f} sessions of {len(shares)}")
    if min(state.deviation for state in states) < 0.01 * max(state.deviation for state in states):
        doubts.append("one state has almost no variance: the likelihood is unbounded there")
    if max(state.duration for state in states) > len(shares):
        doubts.append("one state is never left")
    if max(state.duration for state in states) < FEWEST_SESSIONS:
        doubts.append(f"neither state lasts {FEWEST_SESSIONS} sessions: they are no regimes")
    return doubts
