"""The contract with an earlier sweep: its table of figures, with what they came from in its metadata."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import DataError, DriftError
from backtest.files import atomic
from backtest.sweeps import seal

FROM = b"identities"


def write(table: pd.DataFrame, identities: Mapping[str, str], path: Path) -> None:
    """Write the table of a sweep with its identities."""
    made = pyarrow.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({FROM: json.dumps(dict(identities))})
    atomic.write(path, seal.written(made, compression="zstd"))


def read(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a table and its identities; DataError for a file that is no sweep's or not what was written."""
    made = seal.read(path, "baseline", "expected the settings.parquet of a sweep, as it was written")
    try:
        return made.to_pandas(), json.loads(made.schema.metadata[FROM])
    except (pyarrow.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not a baseline ({str(error).splitlines()[0]}); expected the settings.parquet of a sweep"
        ) from None


def check(table: pd.DataFrame, identities: Mapping[str, str], path: Path, tolerance: float) -> list[str]:
    """Return which identities changed though no figure moved by more than a tolerance; DriftError names the blame.

    A figure moves by the difference over the larger of 1 and the baseline's size.
    """
    before, were = read(path)
    changed = [name for name in were if were[name] != identities.get(name)]
    gone, new = (len(set(a["spec_id"]) - set(b["spec_id"])) for a, b in ((before, table), (table, before)))
    if gone or new:
        raise DriftError(
            f"{path}: {gone} settings of it are gone and {new} are new; want the grid and the strategy of the baseline"
        )
    both = before.merge(table, on=["spec_id", "book"], suffixes=("|was", "|is"))
    moved = pd.DataFrame(
        {
            name: _moved(both[f"{name}|was"], both[f"{name}|is"])
            for name in before.columns
            if name.startswith(("total_return ", "sharpe ")) and name in table.columns
        }
    )
    worst = moved.max()
    if not (worst > tolerance).any():
        return changed
    name = str(worst.idxmax())
    row = both.iloc[int(moved[name].to_numpy().argmax())]
    many = int((moved > tolerance).any(axis=1).sum())
    gap = f"{name} of {row['setting|is']} was {row[f'{name}|was']:.6g}, is {row[f'{name}|is']:.6g}"
    said = f"{many} of {len(both)} settings drifted; {gap}"
    raise DriftError(f"{path}: {said}; blame: {_blame(changed)}")


def _blame(changed: list[str]) -> str:
    if not changed:
        return "none of code, rules, data and dependencies changed; run again without --resume to tell chunks from the baseline"
    if len(changed) == 1:
        return changed[0]
    return f"{' and '.join(changed)}; run again with one of them as it was to tell which"


def _moved(was: pd.Series, now: pd.Series) -> np.ndarray:
    one, other = was.to_numpy(float), now.to_numpy(float)
    gap = np.abs(one - other) / np.maximum(1.0, np.abs(np.nan_to_num(one)))
    return np.where(np.isnan(one) & np.isnan(other), 0.0, np.where(np.isnan(gap), np.inf, gap))
