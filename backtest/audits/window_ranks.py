"""What the books of a run rest on, and whether any of its regimes can be told from luck."""

import numpy as np
import pandas as pd

from backtest.result import Book, Remainder, WindowRank
from backtest.statistics import performance
from backtest.statistics.influence import influence
from backtest.statistics.refusal import Refused
from backtest.statistics.window_rank import TOLD, WORSE, Standing, standing
from backtest.thesis.windows import Window


def rank_windows(book: Book, windows: tuple[Window, ...], trials: int) -> dict[str, WindowRank | Refused]:
    """Return per window where a book's excess return stands among all windows of that length, or why there is none.

    `trials` is the number of book × window results the run shows: its best is expected to look good by chance.
    """
    returns, sessions = excess(book), pd.DatetimeIndex(book.equity.index)
    compared = book.benchmark_windows.get(book.declared or "", {})
    days = pd.DatetimeIndex(returns.index)
    ranks: dict[str, WindowRank | Refused] = {}
    for window in windows:
        if window.name in compared and isinstance(refused := compared[window.name].excess, Refused):
            ranks[window.name] = refused
            continue
        inside = sessions[window.slice(sessions)][1:]
        start, stop = 0, 0
        if len(inside):
            start, stop = int(days.searchsorted(inside[0], "left")), int(days.searchsorted(inside[-1], "right"))
        if start == stop:
            ranks[window.name] = Refused("its declared benchmark is priced on no two of its sessions", 0)
            continue
        ranked = standing(returns, start, stop, book.periods_per_year, trials)
        ranks[window.name] = ranked if isinstance(ranked, Refused) else _rank(ranked, days[start], days[stop - 1])
    return ranks


def _rank(ranked: Standing, first: pd.Timestamp, last: pd.Timestamp) -> WindowRank:
    return WindowRank(
        n=ranked.sharpe.n,
        first=f"{first:%Y-%m-%d}",
        last=f"{last:%Y-%m-%d}",
        sharpe=ranked.sharpe.ratio,
        error=ranked.sharpe.error,
        rank=ranked.rank,
        windows=ranked.windows,
        apart=ranked.apart,
        expected_best=ranked.expected_best,
        trials=ranked.trials,
        luck=ranked.luck,
        special=ranked.special,
        verdict=ranked.verdict,
        because=ranked.because,
    )


def excess(book: Book) -> pd.Series:
    """Return a book's return per session less its declared benchmark's, on the sessions both have: none where it has none."""
    return (performance.returns(book.equity) - book.benchmark_returns()).dropna()


def influence_of(book: Book) -> Remainder | Refused:
    """Return what is left of a book's return without each name, each quarter and its best three sessions (fractions)."""
    profits = sum(part.to_numpy(float) for part in book.profits.values())
    before = book.equity.shift(1).to_numpy()[1:, None]
    table = pd.DataFrame(np.asarray(profits)[1:] / before, book.equity.index[1:], list(next(iter(book.profits.values())).columns))
    parts = influence(table)
    if isinstance(parts, Refused):
        return parts
    return Remainder(
        total_return=parts.total_return,
        without_name=_by_name(parts.without_name),
        without_quarter=_by_name(parts.without_quarter),
        without_best_days=parts.without_best_days,
        best_days=tuple(f"{day:%Y-%m-%d}" for day in parts.best_days),
        profit_share=None if parts.profit_share is None else _by_name(parts.profit_share),
        n=parts.n,
    )


def _by_name(values: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def verdict_sentence(ranks: dict[str, dict[str, WindowRank | Refused]]) -> str:
    """Return how many regimes can be told from luck, and, apart, how many are special; the rules are `window_rank`'s."""
    every = [rank for book in ranks.values() for rank in book.values()]
    judged = [rank for rank in every if not isinstance(rank, Refused)]
    refused = f" Not judged: {len(every) - len(judged)}." if len(judged) < len(every) else ""
    if not every:
        return "Nothing here is told from luck by regime: the thesis names no window."
    if not judged:
        return f"Nothing here can be told from luck: none of {len(every)} results by book and regime can be judged."
    luck = [rank.luck for rank in judged]
    worse = f", {luck.count(WORSE)} worse than luck" if WORSE in luck else ""
    return (
        f"Luck: of {len(judged)} result{'s' if len(judged) > 1 else ''} by book and regime, in excess of the declared benchmark, "
        f"{luck.count(TOLD)} can be told from luck{worse}. Special: {sum(rank.special for rank in judged)} among the best 5% of "
        f"windows of the same run, which says that it stands out, not that it is no luck.{refused}"
    )
