"""What is measured: a row per metric, with its units, the sign of its figures and the kinds of period they are of."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from backtest.data.periods import Kind
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import MONEY, PER_USD, UNITS, other_name
from backtest.files.rows import Many, Row, read_rows

FOLDER = Path(__file__).parent
FILE = "metrics.toml"
ANY = {"money": MONEY, "rate": PER_USD}  # what stands for the units of all currencies


class Metric(Row):
    """A metric. `largest_step` is the ratio of two neighbouring periods from which a figure is refused.

    `also` are other names under which tables may have it; panels know it by `name` alone.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    also: tuple[str, ...] = Field(default=(), strict=False)
    units: tuple[str, ...] = Many
    sign: Literal["positive", "any"]
    periods: tuple[Kind, ...] = Many
    largest_step: float = Field(default=50.0, gt=1, strict=False)
    revenue: bool = False

    @field_validator("units")
    @classmethod
    def _known_units(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        for unit in units:
            if unit not in UNITS and unit not in ANY:
                raise ValueError(near_miss("unit", unit, [*ANY, *UNITS]))
        each = [[known for known in UNITS if ANY[unit].fullmatch(known)] if unit in ANY else [unit] for unit in units]
        return tuple(unit for known in each for unit in known)

    def takes(self, unit: str) -> bool:
        """Return whether its figures may have a unit: one in money or in rates takes those of every currency."""
        forms = [form for form in ANY.values() if any(form.fullmatch(known) for known in self.units)]
        return unit in self.units or any(form.fullmatch(unit) for form in forms)


@lru_cache
def load_metrics(folder: Path = FOLDER) -> dict[str, Metric]:
    """Return the metrics by name, those of a folder's own metrics.toml included; ConfigurationError by file, row and field."""
    rows = _read(FOLDER)
    if folder != FOLDER and (folder / FILE).exists():
        own = _read(folder)
        if twice := sorted(set(rows) & set(own)):
            raise ConfigurationError(f"{folder / FILE}: '{twice[0]}' is a metric already; expected another name")
        rows |= own
    _check_names(rows, folder / FILE)
    return rows


def other_names(metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Return the metric of each other name under which tables may have one."""
    return {other: name for name, row in metrics.items() for other in row.also}


def metric_named(name: str) -> Metric:
    """Return one of the package's metrics; ConfigurationError with a near miss."""
    metrics = load_metrics()
    if (known := other_names(metrics).get(name)) is not None:
        raise ConfigurationError(other_name(name, known))
    if name not in metrics:
        raise ConfigurationError(near_miss("metric", name, sorted(metrics)))
    return metrics[name]


def _read(folder: Path) -> dict[str, Metric]:
    return {row.name: row for row in read_rows(folder / FILE, "metric", Metric, key="name")}


def _check_names(rows: Mapping[str, Metric], file: Path) -> None:
    """Refuse another name that is a metric's own, or that two metrics have."""
    taken = dict.fromkeys(rows, "a metric's own")
    for name, row in rows.items():
        for other in row.also:
            if other in taken:
                raise ConfigurationError(f"{file}: also of '{name}' is '{other}', {taken[other]}; expected another name")
            taken[other] = f"another name of '{name}'"
