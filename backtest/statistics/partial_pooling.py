"""How a supplier's growth answers to CapEx, with each supplier's slope drawn towards the mean as far as the data are thin.

Slopes b_i ~ N(β_i, Σ), β_i ~ N(μ, τ²), μ flat, τ half-Student-t (A. Gelman, Bayesian Analysis 1, 2006). The posterior is
summed over a grid of τ; given τ it is exactly normal (Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4).
Suppliers share quarters, so Σ is not diagonal: shocks common to them do not average out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal

FEWEST_QUARTERS = 8
GRID = 200


@dataclass(frozen=True)
class Slope:
    """One slope: its own estimate and error, its pooled mean, deviation and 95% interval, how far it was drawn towards μ.

    `shrinkage` is the weight of the other suppliers in the pooled mean, 1 - diag(τ² (Σ + τ²I)⁻¹) averaged over τ: 0 where
    pooling left the estimate alone. `positive` is the posterior probability that the slope is above 0.
    """

    estimate: float
    error: float
    mean: float
    deviation: float
    lower: float
    upper: float
    shrinkage: float
    positive: float


@dataclass(frozen=True)
class Pooled:
    """Slopes by supplier, their mean μ, the between-supplier deviation τ (posterior median) and the prior it was given."""

    slopes: dict[str, Slope]
    mean: Slope
    between: float
    prior: str
    n: int


@dataclass(frozen=True)
class Slopes:
    """Least-squares slopes by supplier with the covariance of their errors across suppliers, from n quarters."""

    estimates: pd.Series
    covariance: Floats
    n: int


def slopes(growth: pd.DataFrame, capex: pd.Series) -> Slopes | Refused:
    """Return each supplier's slope on CapEx growth (quarters matched by label) and the covariance of their errors.

    Errors have one correlation for all pairs, the average of the residuals': with 14 quarters the full matrix is too noisy.
    Σ = S / Σ(x - x̄)², S the residual covariance on n - 2, times (n - 2) / (n - 4) because it is estimated. Autocorrelation is
    not allowed for: indicative. Refused below 8 quarters or on missing ones.
    """
    table = pd.concat([capex.rename("capex"), growth], axis=1, join="inner").to_numpy(float)
    if refused := refusal(table, FEWEST_QUARTERS):
        return refused
    n, moved = len(table), table - table.mean(axis=0)
    square = float((moved[:, 0] ** 2).sum())
    slopes = moved[:, 0] @ moved[:, 1:] / square
    residuals = moved[:, 1:] - np.outer(moved[:, 0], slopes)
    covariance = equicorrelated(residuals.T @ residuals / (n - 4)) / square
    return Slopes(pd.Series(slopes, growth.columns), covariance, n)


def equicorrelated(covariance: Floats) -> Floats:
    """Return the covariance with every correlation replaced by their average, at least 0."""
    count, deviations = len(covariance), np.sqrt(np.diag(covariance))
    correlations = covariance / np.outer(deviations, deviations)
    average = max((correlations.sum() - count) / max(count * (count - 1), 1), 0.0)
    return np.asarray(np.outer(deviations, deviations) * (average + (1.0 - average) * np.eye(count)))


def pool(given: Slopes, scale: float, degrees: float = 3.0) -> Pooled | Refused:
    """Return the pooled slopes under a half-t prior on τ of that scale (units of the slopes) and degrees of freedom.

    Refused below two suppliers. For τ on a grid of quantiles: p(τ | b) ∝ p(τ) |V|^½ |Σ + τ²I|^-½ exp(-½ r'(Σ + τ²I)⁻¹ r), with
    V the variance of μ given τ and r = b - μ̂.
    """
    estimates = given.estimates.to_numpy(float)
    if len(estimates) < 2:
        return Refused(f"{len(estimates)} supplier; expected at least 2", len(estimates))
    grid = prior_grid(scale, degrees)
    parts = [_given(estimates, given.covariance, between) for between in grid]
    weights = np.exp(np.array([part[0] for part in parts]) - max(part[0] for part in parts))
    weights /= weights.sum()
    means, deviations = np.array([part[1] for part in parts]), np.array([part[2] for part in parts])
    own, drawn_in = np.sqrt(np.diag(given.covariance)), weights @ np.array([part[3] for part in parts])
    summed = [_slope(weights, means[:, index], deviations[:, index]) for index in range(len(estimates) + 1)]
    named = {
        str(name): Slope(
            float(estimates[index]), float(own[index]), *summed[index + 1][:4], float(drawn_in[index]), summed[index + 1][4]
        )
        for index, name in enumerate(given.estimates.index)
    }
    overall = Slope(float(estimates.mean()), float(np.sqrt(given.covariance.mean())), *summed[0][:4], 0.0, summed[0][4])
    middle = float(grid[int(np.searchsorted(np.cumsum(weights), 0.5))])
    prior = f"between-supplier deviation: half-t, {degrees:g} degrees of freedom, scale {scale:g}; mean: flat"
    return Pooled(named, overall, middle, prior, given.n)


def prior_grid(scale: float, degrees: float) -> Floats:
    """Return quantiles of the half-t prior in the middle of equal shares of probability: weights need only the likelihood."""
    from scipy.stats import t

    return np.asarray(scale * t.ppf(0.5 + 0.5 * (np.arange(GRID) + 0.5) / GRID, degrees))


def _given(estimates: Floats, covariance: Floats, between: float) -> tuple[float, Floats, Floats, Floats]:
    """Return the log marginal likelihood of τ, and given it means and deviations of μ and each slope, and their shrinkage."""
    count, ones = len(estimates), np.ones(len(estimates))
    inverse = np.linalg.inv(covariance + between**2 * np.eye(count))
    variance = 1.0 / float(ones @ inverse @ ones)
    centre = variance * float(ones @ inverse @ estimates)
    apart = estimates - centre
    likelihood = 0.5 * (np.log(variance) + float(np.linalg.slogdet(inverse)[1]) - float(apart @ inverse @ apart))
    shrunk = between**2 * inverse
    spread = between**2 * (np.eye(count) - shrunk)
    unsure = (np.eye(count) - shrunk) @ ones
    variances = np.diag(spread) + unsure**2 * variance
    return likelihood, np.r_[centre, centre + shrunk @ apart], np.sqrt(np.r_[variance, variances]), 1.0 - np.diag(shrunk)


def _slope(weights: Floats, means: Floats, deviations: Floats) -> tuple[float, float, float, float, float]:
    """Return mean, deviation, 2.5% and 97.5% quantiles, and probability above 0 of a mixture of normals."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    mean = float(weights @ means)
    deviation = float(np.sqrt(weights @ (deviations**2 + means**2) - mean**2))
    far = 10.0 * float(deviations.max()) + float(np.ptp(means)) + abs(mean)

    def below(value: float) -> float:
        return float(weights @ ndtr((value - means) / deviations))

    ends = [float(brentq(lambda value, share=share: below(value) - share, mean - far, mean + far)) for share in (0.025, 0.975)]
    return mean, deviation, ends[0], ends[1], 1.0 - below(0.0)
