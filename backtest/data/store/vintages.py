"""What a new answer adds to the rows stored: new ones, changed ones as rows after the old, nothing where all is the same."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.markets import Market

FIGURE = ["entity", "metric", "period", "stated_at"]
PRICE_VALUES = ["open", "high", "low", "close", "volume", "dividend", "split"]
SAME_WITHIN = 2e-6  # relative: floats of a source may differ in the seventh digit from answer to answer


@dataclass(frozen=True)
class Count:
    """How many rows of an answer were new, changed or the same as stored."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


def append_figures(
    stored: pd.DataFrame | None, answered: pd.DataFrame, seen: pd.Timestamp, answer: str
) -> tuple[pd.DataFrame, Count]:
    """Return the rows stored with those of an answer that say something new.

    A figure is known by entity, metric, period and the moment its source states (`stated_at`). Where a source changes a
    value without stating a later moment, the change is known from when it was seen: `known_at` is never earlier than that.
    """
    fresh = answered.assign(stated_at=answered["known_at"], first_seen=seen, answer=answer)
    if stored is None or stored.empty:
        return fresh.reset_index(drop=True), Count(new=len(fresh))
    last = stored.drop_duplicates(FIGURE, keep="last").set_index(FIGURE)["value"]
    before = last.reindex(pd.MultiIndex.from_frame(fresh[FIGURE])).to_numpy()
    new, same = np.isnan(before), np.isclose(before, fresh["value"], rtol=1e-9, atol=0)
    changed = ~new & ~same
    fresh.loc[changed, "known_at"] = seen
    rows = pd.concat([stored, fresh[~same]], ignore_index=True) if (~same).any() else stored
    return rows, Count(int(new.sum()), int(changed.sum()), int(same.sum()))


def append_prices(
    stored: pd.DataFrame | None, answered: pd.DataFrame, market: Market | None, seen: pd.Timestamp, answer: str
) -> tuple[pd.DataFrame, Count]:
    """Return the price rows stored with those of an answer that are new or differ; a changed session is known from when seen."""
    fresh = answered.assign(known_at=_known(answered["session"], market), first_seen=seen, answer=answer)
    if stored is None or stored.empty:
        return fresh.reset_index(drop=True), Count(new=len(fresh))
    before = newest(stored).set_index("session")[PRICE_VALUES].reindex(fresh["session"]).to_numpy(dtype=float)
    new = ~fresh["session"].isin(stored["session"]).to_numpy()
    same = np.isclose(before, fresh[PRICE_VALUES].to_numpy(dtype=float), rtol=SAME_WITHIN, atol=0, equal_nan=True).all(axis=1)
    changed = ~new & ~same
    fresh.loc[changed, "known_at"] = seen
    rows = pd.concat([stored, fresh[new | changed]], ignore_index=True) if (new | changed).any() else stored
    return rows, Count(int(new.sum()), int(changed.sum()), int((~new & same).sum()))


def newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the row of each session that was seen last, by session."""
    days = rows["session"].to_numpy()
    if (days[1:] > days[:-1]).all():  # nothing changed since it was first stored
        return rows
    return rows.drop_duplicates("session", keep="last").sort_values("session", ignore_index=True)


def rescaled(stored: pd.DataFrame, answered: pd.DataFrame) -> bool:
    """Return whether an answer's closes differ from those stored in most of their common sessions: a split went through them."""
    both = newest(stored).merge(answered, on="session", suffixes=("", "_answered"))[["close", "close_answered"]].dropna()
    moved = ~np.isclose(both["close"], both["close_answered"], rtol=1e-4, atol=0)
    return bool(len(both)) and moved.mean() > 0.5


def _known(sessions: pd.Series, market: Market | None) -> pd.Series:
    """Return when each session's prices were known: its close, or the midnight UTC that ends a day of the rate."""
    days = pd.DatetimeIndex(sessions)
    ends = pd.Series(days.tz_localize("UTC") + pd.Timedelta(days=1), days)
    if market:
        ends = market.closes(days[0], days[-1]).reindex(days).fillna(ends)
    return pd.Series(pd.DatetimeIndex(ends).as_unit("ns"), sessions.index)
