"""The rows of the thesis: the windows it names, how themes load on its trend shifts, and the hypotheses registered about it."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from backtest.errors import ConfigurationError, near_miss
from backtest.files.hashes import content_id
from backtest.files.rows import STRICT, Day, Row, read_rows
from backtest.universe import load_universe

FOLDER = Path(__file__).parent


class NamedWindow(Row):
    """A window that the thesis names, both days included; no `end` means to the end of the run."""

    name: str
    title: str
    start: Day
    end: Day | None = None

    @model_validator(mode="after")
    def _span(self) -> "NamedWindow":
        if self.end and self.end < self.start:
            raise ValueError(f"end is {self.end}; expected a day from start ({self.start}) on")
        return self


class Loading(Row):
    """How much a theme stands to gain from one of the four trend shifts, from -1 to 1, and why."""

    theme: str
    trend: Literal["token_anchor", "asic_share", "network_architecture", "scale_up_bandwidth"]
    loading: float = Field(ge=-1, le=1)
    reason: str = Field(min_length=1)


class Hypothesis(BaseModel):
    """The strategy's statistic is larger than under a null, at level `alpha` after correction."""

    model_config = STRICT

    strategy: str
    null: Literal["placebo", "labels", "dates", "leader", "noise", "factors"]
    statistic: Literal["standardised log growth", "alpha a year"]
    direction: Literal["larger"]
    alpha: float = Field(gt=0, lt=1)
    primary: bool = False


@lru_cache
def load_windows(folder: Path = FOLDER) -> tuple[NamedWindow, ...]:
    """Return the named windows in file order; ConfigurationError by file, row and field."""
    return read_rows(folder / "windows.toml", "window", NamedWindow, key="name")


def windows_id() -> str:
    """Return the hash of the file that fixes the windows."""
    return content_id([(FOLDER / "windows.toml").read_bytes()])


@lru_cache
def load_loadings(folder: Path = FOLDER) -> tuple[Loading, ...]:
    """Return the loadings in file order, each for a basket that exists; ConfigurationError by file and row."""
    rows = read_rows(folder / "loadings.toml", "loading", Loading)
    names = [basket.name for basket in load_universe().baskets]
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=1):
        if row.theme not in names:
            raise ConfigurationError(f"loadings.toml row {number}: theme: {near_miss('basket', row.theme, names)}")
        if (row.theme, row.trend) in seen:
            raise ConfigurationError(f"loadings.toml row {number}: {row.theme} has a loading on {row.trend} in a row before")
        seen.add((row.theme, row.trend))
    return rows


@lru_cache
def load_hypotheses(folder: Path = FOLDER) -> tuple[Hypothesis, ...]:
    """Return the registered hypotheses in file order; ConfigurationError for a row that is malformed or stands twice."""
    rows = read_rows(folder / "hypotheses.toml", "hypothesis", Hypothesis)
    pairs = [(row.strategy, row.null) for row in rows]
    for number, pair in enumerate(pairs):
        if pair in pairs[:number]:
            raise ConfigurationError(f"hypotheses.toml row {number + 1}: strategy and null are those of a row before")
    return rows


def hypotheses_id() -> str:
    """Return the hash of the file that registers the hypotheses."""
    return content_id([(FOLDER / "hypotheses.toml").read_bytes()])
