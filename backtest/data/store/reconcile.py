"""Live figures compared with the embedded ones: equal, revised (both kept) or in conflict (refused until a person decides)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.data.figure_checks import check_figures, rules_of, under_one_name
from backtest.data.overrides import Decisions
from backtest.data.sources.reference import load_facts
from backtest.data.tables import parse_facts, read_table
from backtest.errors import DataError
from backtest.facts import COLUMNS

EQUAL_WITHIN = 5e-4  # relative: the embedded figures of A-share companies are often rounded
EQUAL_WITHIN_MILLION = 0.5
CONFLICT_BEYOND = 0.02  # relative
NAME = ["entity", "metric", "period"]
MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class Reconciled:
    """The live rows a run may use, and what became of each figure: new, equal, revised, conflict or decided."""

    rows: pd.DataFrame
    outcomes: pd.DataFrame

    def conflicts(self) -> list[str]:
        """Return a line for each figure in conflict."""
        conflicts = self.outcomes[self.outcomes["outcome"] == "conflict"]
        return [
            f"{row['source']} {row['entity']} {row['metric']} {row['period']}: {row['live']:g}, embedded {row['embedded']:g}; "
            "not used until a [[figure]] row in decisions.toml says which"
            for row in conflicts.to_dict("records")
        ]


def reconcile(live: pd.DataFrame, embedded: pd.DataFrame, decisions: Decisions) -> Reconciled:
    """Compare each live figure's versions with the embedded versions of the same name.

    Equal: the first live version is an embedded one, kept only where it was known earlier; later live versions are kept.
    Revised: it differs by at most CONFLICT_BEYOND, all are kept and the newest known counts. Conflict: none is kept.
    """
    known = dict(list(embedded[embedded["entity"].isin(live["entity"])].groupby(NAME)))
    usable, outcomes = [], []
    for name, versions in live.groupby(NAME, sort=True):
        rows = versions.sort_values("known_at", kind="stable")
        outcome, used = _judge(rows, known.get(name), decisions.figure(*(str(part) for part in name)))
        usable.append(used)
        first = float(rows["value"].iloc[0])
        nearest = _nearest(known.get(name), first)
        outcomes.append([*name, rows["origin"].iloc[0], outcome, first, nearest])
    columns = [*NAME, "source", "outcome", "live", "embedded"]
    return Reconciled(pd.concat(usable) if usable else live, pd.DataFrame(outcomes, columns=columns))


def live_table(reconciled: pd.DataFrame, typed: pd.DataFrame) -> bytes:
    """Return the rows a run may use as the bytes of a live.csv, none where there are none."""
    if reconciled.empty and typed.empty:
        return b""
    tables = [_as_text(reconciled)] if len(reconciled) else []
    return pd.concat([*tables, typed]).to_csv(index=False, lineterminator="\n").encode()


def read_typed(home: Path) -> pd.DataFrame:
    """Return the figures a person typed in `typed/*.csv` as text, each valid and with a link as its source."""
    tables = [pd.DataFrame(columns=list(COLUMNS), dtype=str)]
    checked = []
    for path in sorted((home / "typed").glob("*.csv")):
        table = read_table(path, COLUMNS)
        checked.append(parse_facts(table, path.name))
        unlinked = table["source"][~table["source"].str.contains("https?://")].to_dict()
        for row, source in unlinked.items():
            raise DataError(f"{path.name} row {row}: source is '{source!s}'; expected a link, https://...")
        tables.append(table[list(COLUMNS)])
    if checked:
        rules = rules_of(home)
        check_figures(under_one_name(pd.concat([load_facts().rows, *checked], ignore_index=True), rules.metrics), rules)
    return pd.concat(tables)


def _judge(rows: pd.DataFrame, known: pd.DataFrame | None, chosen: str | None) -> tuple[str, pd.DataFrame]:
    if known is None:
        return "new", rows
    first = float(rows["value"].iloc[0])
    equal = known["known_at"][[_equal(first, value) for value in known["value"]]]
    if len(equal):
        earlier = rows["known_at"].iloc[0] < equal.min()
        later = rows.iloc[1:][[not _known_value(value, known) for value in rows["value"].iloc[1:]]]
        used = pd.concat([rows.iloc[:1] if earlier else rows.iloc[:0], later])
        return ("revised" if len(later) else "equal"), _apart(used, known)
    if chosen == "live":
        last = known["known_at"].max()
        return "decided", rows.assign(known_at=rows["known_at"].clip(lower=last + MINUTE) + np.arange(len(rows)) * MINUTE)
    if chosen == "reference":
        return "decided", rows.iloc[:0]
    nearest = _nearest(known, first)
    if abs(first - nearest) > CONFLICT_BEYOND * abs(nearest):
        return "conflict", rows.iloc[:0]
    return "revised", _apart(rows, known)


def _apart(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return rows none of which is known at the very minute of an embedded one: such a row counts a minute later."""
    same = rows["known_at"].isin(known["known_at"])
    return rows.assign(known_at=rows["known_at"].where(~same, rows["known_at"] + MINUTE))


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= max(EQUAL_WITHIN_MILLION, EQUAL_WITHIN * abs(b))


def _known_value(value: float, known: pd.DataFrame) -> bool:
    return any(_equal(value, float(other)) for other in known["value"])


def _nearest(known: pd.DataFrame | None, value: float) -> float:
    if known is None:
        return float("nan")
    values = known["value"].to_numpy(dtype=float)
    return float(values[np.argmin(np.abs(values - value))])


def _as_text(rows: pd.DataFrame) -> pd.DataFrame:
    moments = rows["known_at"].dt.ceil("min").dt.strftime("%Y-%m-%dT%H:%MZ")
    text = rows.assign(
        known_at=moments,
        period_end=rows["period_end"].dt.strftime("%Y-%m-%d"),
        value=[repr(float(value)) for value in rows["value"]],
    )
    return text[list(COLUMNS)].drop_duplicates([*NAME, "known_at"], keep="last")  # of one minute's versions the last one counts
