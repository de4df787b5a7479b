"""The contract with an earlier sweep: its table of figures, with what they came from in its metadata."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import DataError, DriftError
from backtest.sweeps import sealed_parquet
from backtest.sweeps.columns import SHARPE, TOTAL_RETURN, TWIN
from backtest.sweeps.results import SweepResult
from backtest.sweeps.table import SettingsTable

IDENTITIES, VERSION = b"identities", b"schema"
SCHEMA = 2  # 1, that of 0.1.0, has no version and a text `setting` in place of the columns of the fields
ROWS = 1 << 17  # of a group, which can be read by itself
KEYS = ["spec_id", "book"]
EXPECTED = "expected the settings.parquet of a sweep, as it was written"


def write(table: SettingsTable, identities: Mapping[str, str], path: Path) -> None:
    """Write the table of a sweep with its identities, some rows at a time."""
    metadata = {IDENTITIES: json.dumps(dict(identities)), VERSION: str(SCHEMA)}
    groups = (table.take(np.arange(first, min(first + ROWS, len(table)))) for first in range(0, len(table), ROWS))
    parts = (pyarrow.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(metadata) for rows in groups)
    sealed_parquet.write(parts, path, compression="zstd")


def read(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a table, of this version or of 0.1.0, and its identities; DataError for any other file."""
    columns = sealed_parquet.read(path, "baseline", EXPECTED)
    metadata = columns.schema.metadata or {}
    try:
        version, identities = int(metadata.get(VERSION, b"1")), json.loads(metadata[IDENTITIES])
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: not a baseline (no {error}); {EXPECTED}") from None
    if version > SCHEMA:
        raise DataError(f"{path}: a baseline of schema {version}; expected at most {SCHEMA}: write it with this version's sweep")
    table = columns.to_pandas()
    if missing := {*KEYS} - {*table.columns}:
        raise DataError(f"{path}: not a baseline (no column {min(missing)}); {EXPECTED}")
    return table, identities


def check(result: SweepResult, path: Path, tolerance: float) -> list[str]:
    """Return which identities changed though no figure moved by more than a tolerance; DriftError names the blame.

    A figure moves by the difference over the larger of 1 and the baseline's size.
    """
    (before, origin), table = read(path), result.table.take(np.arange(len(result.table)))
    changed = [name for name in origin if origin[name] != result.summary.identities.get(name)]
    gone, new = (len(set(a["spec_id"]) - set(b["spec_id"])) for a, b in ((before, table), (table, before)))
    if gone or new:
        raise DriftError(
            f"{path}: {gone} settings of it are gone and {new} are new; expected the grid and the strategy of the baseline, or "
            "the settings.parquet of this sweep in its place"
        )
    figures = tuple(f"{prefix}{name} " for name in (TOTAL_RETURN, SHARPE) for prefix in ("", f"{TWIN}_"))
    names = [name for name in before.columns if name.startswith(figures) and name in table.columns]
    both = before[[*KEYS, *names]].merge(table[[*KEYS, *result.fields, *names]], on=KEYS, suffixes=("|was", "|is"))
    moved = pd.DataFrame({name: _moved(both[f"{name}|was"], both[f"{name}|is"]) for name in names})
    worst = moved.max()
    if not (worst > tolerance).any():
        return changed
    name = str(worst.idxmax())
    row = both.iloc[int(moved[name].to_numpy().argmax())]
    setting = ", ".join(f"{field} {row[field]}" for field in result.fields)
    drifted = f"{int((moved > tolerance).any(axis=1).sum())} of {len(both)} settings drifted"
    gap = f"{name} of {setting} was {row[f'{name}|was']:.6g}, is {row[f'{name}|is']:.6g}"
    raise DriftError(f"{path}: {drifted}; {gap}; blame: {_blame(changed)}")


def _blame(changed: Sequence[str]) -> str:
    if not changed:
        return "none of code, rules, data and dependencies changed; run again without --resume to tell chunks from the baseline"
    if len(changed) == 1:
        return changed[0]
    return f"{' and '.join(changed)}; run again with one of them as it was to tell which"


def _moved(was: pd.Series, now: pd.Series) -> np.ndarray:
    """Return by how much each figure moved; infinite where only one of the two is NaN."""
    before, after = was.to_numpy(float), now.to_numpy(float)
    gap = np.abs(before - after) / np.maximum(1.0, np.abs(np.nan_to_num(before)))
    return np.where(np.isnan(before) & np.isnan(after), 0.0, np.where(np.isnan(gap), np.inf, gap))
