"""What the books of a run rest on, and whether any of its regimes can be told from luck."""

from typing import Any

import numpy as np
import pandas as pd

from backtest.runs import Book
from backtest.statistics import performance
from backtest.statistics.influence import influence
from backtest.statistics.refusal import Refused
from backtest.statistics.window_rank import SUPPORTED, standing
from backtest.thesis.windows import Window


def rank_windows(book: Book, windows: tuple[Window, ...], trials: int) -> dict[str, dict[str, Any]]:
    """Return per named window the standing of a book's excess return among all windows of that length, or why there is none.

    `trials` is the number of book × window results the run shows: its best is expected to look good by chance.
    """
    returns, index = excess(book), pd.DatetimeIndex(book.equity.index)
    days = pd.DatetimeIndex(returns.index)
    found: dict[str, dict[str, Any]] = {}
    for window in windows:
        inside = index[window.slice(index)][1:]
        start, stop = 0, 0
        if len(inside):
            start, stop = int(days.searchsorted(inside[0], "left")), int(days.searchsorted(inside[-1], "right"))
        if start == stop:
            found[window.name] = {"n": 0, "verdict": None, "because": "no two of its sessions have a benchmark"}
            continue
        one = standing(returns, start, stop, book.periods_per_year, trials)
        if isinstance(one, Refused):
            found[window.name] = {"n": one.n, "verdict": None, "because": one.reason}
            continue
        found[window.name] = {
            "n": one.sharpe.n,
            "first": f"{days[start]:%Y-%m-%d}",
            "last": f"{days[stop - 1]:%Y-%m-%d}",
            "sharpe": one.sharpe.ratio,
            "error": one.sharpe.error,
            "rank": one.rank,
            "windows": one.windows,
            "note": one.note,
            "expected_best": one.expected_best,
            "trials": one.trials,
            "verdict": one.verdict,
            "because": one.because,
        }
    return found


def excess(book: Book) -> pd.Series:
    """Return a book's return per session less its benchmarks' mean, on the sessions both have: none where none is priced."""
    return (performance.returns(book.equity) - performance.mean_returns(book.benchmarks)).dropna()


def influence_of(book: Book) -> dict[str, Any]:
    """Return what is left of a book's return without each name, each quarter and its best three sessions (fractions)."""
    profits = sum(part.to_numpy(float) for part in book.profits.values())
    before = book.equity.shift(1).to_numpy()[1:, None]
    table = pd.DataFrame(np.asarray(profits)[1:] / before, book.equity.index[1:], list(next(iter(book.profits.values())).columns))
    found = influence(table)
    if isinstance(found, Refused):
        return {"refused": found.reason, "n": found.n}
    return {
        "total_return": found.total_return,
        "without_name": found.without_name.to_dict(),
        "without_quarter": found.without_quarter.to_dict(),
        "without_best_days": found.without_best_days,
        "best_days": [f"{day:%Y-%m-%d}" for day in found.best_days],
        "profit_share": None if found.profit_share is None else found.profit_share.to_dict(),
        "n": found.n,
    }


def verdict_sentence(verdicts: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return one plain sentence: of the regimes that can be judged, how many are supported; the rules are `window_rank`'s."""
    judged = [one["verdict"] for book in verdicts.values() for one in book.values() if one["verdict"] is not None]
    refused = sum(len(book) for book in verdicts.values()) - len(judged)
    short = f" {refused} more are too short to judge." if refused else ""
    if not judged:
        return f"Nothing here can be told from luck: no regime has enough returns to be judged.{short}"
    supported = judged.count(SUPPORTED)
    if len(judged) == 1:
        outcome = "stands clear of luck" if supported else "cannot be told from luck"
        return f"The one result by book and regime that is long enough, in excess of the benchmarks, {outcome}.{short}"
    what = f"{len(judged)} results by book and regime, in excess of the benchmarks,"
    if supported:
        return f"{supported} of {what} stand clear of luck; the others do not.{short}"
    return f"None of {what} can be told from luck.{short}"
