"""What is measured: a row per metric, with its units, the sign of its figures and the kinds of period they are of."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from backtest.data.periods import Kind
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import UNITS
from backtest.files.rows import Many, Row, read_rows

FOLDER = Path(__file__).parent
FILE = "metrics.toml"


class Metric(Row):
    """A metric. `largest_step` is the ratio of two neighbouring periods from which a figure is refused."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    units: tuple[str, ...] = Many
    sign: Literal["positive", "any"]
    periods: tuple[Kind, ...] = Many
    largest_step: float = Field(default=50.0, gt=1, strict=False)
    revenue: bool = False

    @field_validator("units")
    @classmethod
    def _known_units(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        for unit in units:
            if unit not in UNITS:
                raise ValueError(near_miss("unit", unit, list(UNITS)))
        return units


@lru_cache
def load_metrics(folder: Path = FOLDER) -> dict[str, Metric]:
    """Return the metrics by name, those of a folder's own metrics.toml included; ConfigurationError by file, row and field."""
    rows = {row.name: row for row in read_rows(FOLDER / FILE, "metric", Metric, key="name")}
    if folder == FOLDER or not (folder / FILE).exists():
        return rows
    own = {row.name: row for row in read_rows(folder / FILE, "metric", Metric, key="name")}
    if twice := sorted(set(rows) & set(own)):
        raise ConfigurationError(f"{folder / FILE}: '{twice[0]}' is a metric already; expected another name")
    return rows | own
