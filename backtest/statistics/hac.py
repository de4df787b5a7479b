"""Standard errors of regressions and means whose errors are autocorrelated: equal-weighted cosines (EWC).

E. Lazarus, D. Lewis, J. Stock & M. Watson, HAR Inference: Recommendations for Practice, Journal of Business & Economic
Statistics 36 (2018): the long-run variance is the average of ν squared cosine transforms, ν = 0.4 T^(2/3), and statistics
are compared with Student's t of ν degrees of freedom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal

FEWEST_QUARTERS = 8
INDICATIVE_BELOW = 120  # observations; below it the size of the test is visibly off (benchmarks/sizes.md)


@dataclass(frozen=True)
class Coefficient:
    """One coefficient: its standard error, t statistic, two-sided p of Student's t, and interval at the regression's level."""

    value: float
    error: float
    t: float
    p: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Regression:
    """Least squares with EWC standard errors: `coefficients` by name, "intercept" first; `indicative` when n is small."""

    coefficients: dict[str, Coefficient]
    r_squared: float
    degrees: int
    level: float
    n: int
    indicative: bool


def cosine_count(n: int) -> int:
    """Return ν, the number of cosines for n observations: 0.4 n^(2/3) rounded down, at least 1."""
    return max(int(0.4 * n ** (2.0 / 3.0)), 1)


def critical(level: float, degrees: int) -> float:
    """Return the two-sided critical value of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2.0))


def transforms(values: Floats, count: int) -> Floats:
    """Return the first `count` cosine transforms √(2/T) Σ cos(π j (t - 1/2) / T) x_t down the first axis, j = 1..count."""
    n = len(values)
    angles = np.pi * np.arange(1, count + 1)[:, None] * (np.arange(n) + 0.5) / n
    return np.asarray(np.sqrt(2.0 / n) * np.cos(angles) @ values)


def long_run_variance(values: Floats, count: int) -> float:
    """Return the long-run variance of a series: the mean of its squared cosine transforms."""
    return float((transforms(values, count) ** 2).mean())


def regress(outcome: pd.Series, causes: pd.DataFrame, level: float = 0.95) -> Regression | Refused:
    """Return the least squares of an outcome on causes, rows matched by label, with an intercept and EWC standard errors.

    Refused below 8 complete rows, on missing values, on fewer than two rows more than coefficients, and where a cause never
    varies or is a combination of the others. Covariance: n (X'X)⁻¹ Ω (X'X)⁻¹ with Ω the EWC long-run variance of X_t u_t.
    """
    from statsmodels.regression.linear_model import OLS

    table = pd.concat([outcome.rename("outcome"), causes], axis=1, join="inner")
    if refused := _unfit(table):
        return refused
    design = np.column_stack([np.ones(len(table)), table.to_numpy(float)[:, 1:]])
    fitted = OLS(table["outcome"].to_numpy(float), design).fit()
    covariance = ewc_covariance(design, np.asarray(fitted.resid))
    names = ["intercept", *map(str, causes.columns)]
    degrees = cosine_count(len(table))
    estimates = zip(names, fitted.params, np.sqrt(np.diag(covariance)), strict=True)
    return Regression(
        coefficients={name: _coefficient(float(value), float(error), degrees, level) for name, value, error in estimates},
        r_squared=float(fitted.rsquared),
        degrees=degrees,
        level=level,
        n=len(table),
        indicative=len(table) < INDICATIVE_BELOW,
    )


def mean_intercept(
    outcomes: Sequence[pd.Series], causes: Sequence[pd.DataFrame], scales: Sequence[float], level: float = 0.95
) -> tuple[Coefficient, int] | Refused:
    """Return the mean of the intercepts of several regressions, each times its scale, and the number of rows of them all.

    Each outcome is regressed on its own causes as in `regress`, and refused like there. The error is that of one series: what
    each row adds to each estimate, scale × (X'X)⁻¹ x_t u_t, averaged over the regressions by label (0 where one has no such
    row), with its EWC variance T Ω. Of one regression it is the intercept and the error of `regress`.
    """
    values, added = [], []
    for outcome, cause, scale in zip(outcomes, causes, scales, strict=True):
        table = pd.concat([outcome.rename("outcome"), cause], axis=1, join="inner")
        if refused := _unfit(table):
            return refused
        design = np.column_stack([np.ones(len(table)), table.to_numpy(float)[:, 1:]])
        solved = np.linalg.inv(design.T @ design) @ design.T
        observed = table["outcome"].to_numpy(float)
        fitted = solved @ observed
        values.append(scale * fitted[0])
        added.append(pd.Series(scale * solved[0] * (observed - design @ fitted), table.index))
    rows = (pd.concat(added, axis=1).fillna(0.0).sum(axis=1) / len(added)).sort_index().to_numpy()
    degrees = cosine_count(len(rows))
    error = np.sqrt(len(rows) * long_run_variance(rows, degrees))
    return _coefficient(float(np.mean(values)), float(error), degrees, level), len(rows)


def ewc_covariance(design: Floats, residuals: Floats) -> Floats:
    """Return the covariance of least-squares coefficients with the EWC long-run variance of design × residual."""
    n = len(design)
    scores = transforms(design * residuals[:, None], cosine_count(n))
    bread = np.linalg.inv(design.T @ design)
    return np.asarray(n * bread @ (scores.T @ scores / len(scores)) @ bread)


def _unfit(table: pd.DataFrame) -> Refused | None:
    values = table.to_numpy(float)
    if refused := refusal(values, max(FEWEST_QUARTERS, values.shape[1] + 2)):
        return refused
    design = np.column_stack([np.ones(len(values)), values[:, 1:]])
    if np.linalg.matrix_rank(design / np.linalg.norm(design, axis=0)) < design.shape[1]:
        return Refused("causes are combinations of one another", len(values))
    return None


def _coefficient(value: float, error: float, degrees: int, level: float) -> Coefficient:
    from scipy.special import stdtr

    half = critical(level, degrees) * error
    p = float(2.0 * stdtr(degrees, -abs(value / error)))
    return Coefficient(value, error, value / error, p, value - half, value + half)
