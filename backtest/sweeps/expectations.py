"""What a grid expects of its sweep: `[[expect]]` rows, which end the command in exit code 5 where they are not met.

[[expect]]
figure = "total_return"       or "sharpe", in a window; "spa_p", "deflated_sharpe" and "pbo" are of the whole search
window = "out of sample"
on = "median"                 of all settings; or the "best", the "worst", or the "share" of settings whose value is above 0
against = "twin"              the figure less that of the setting's twin; or "nothing", the figure itself
at_least = 0.0                and, or, at_most
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, model_validator

from backtest.errors import ConfigurationError, near_miss
from backtest.files.rows import STRICT, parsed_row
from backtest.strategy import StrategySpec
from backtest.sweeps.columns import SHARPE, TOTAL_RETURN, TWIN
from backtest.thesis import Thesis
from backtest.thesis.windows import SAMPLES
from backtest.weights import Controlled

OF_WINDOWS = (TOTAL_RETURN, SHARPE)
OF_SEARCH = ("spa_p", "deflated_sharpe", "pbo")
NOT_GIVEN = "not given"


class Expectation(BaseModel):
    """A row of a grid: which figure is expected to be at least, or at most, how much."""

    model_config = STRICT

    figure: str
    window: str | None = None
    on: Literal["best", "median", "worst", "share"] | None = None
    against: Literal["twin", "nothing"] = "twin"
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Expectation":
        known = [*OF_WINDOWS, *OF_SEARCH]
        if self.figure not in known:
            raise ValueError(near_miss("figure", self.figure, known))
        of_search = self.figure in OF_SEARCH
        if of_search and (self.window or self.on):
            raise ValueError(f"{self.figure} is of the whole search; expected neither window nor on")
        if not of_search and self.window is None:
            raise ValueError(f'{self.figure} is of a window; expected window = "whole" or another')
        if self.figure == "pbo" and self.against == TWIN:
            raise ValueError('pbo is not taken against twins; expected against = "nothing"')
        if self.at_least is None and self.at_most is None:
            raise ValueError("no bound; expected at_least, at_most or both")
        return self

    @property
    def subject(self) -> str:
        """What the figure is of, in words."""
        name = self.figure.replace("_", " ")
        against = f"{name} against the twins" if self.against == TWIN else name
        if self.figure in OF_SEARCH:
            return against
        taken = f"{name} less the twin's" if self.against == TWIN else name
        chosen = {"best": "the best setting's", "share": "the share of settings above 0 of"}
        return f"{chosen.get(self.chosen, f'the {self.chosen}')} {taken}, {self.window}"

    @property
    def bounds(self) -> str:
        """What is expected, in words."""
        bounds = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None)

    @property
    def chosen(self) -> str:
        """Whose figure is looked at."""
        return self.on or "median"


@dataclass(frozen=True)
class Outcome:
    """What became of an expectation: what it is of, its bounds in words, its figure (NaN for none), whether it is met."""

    subject: str
    bounds: str
    value: float
    met: bool

    @property
    def text(self) -> str:
        """The figure with six digits, or that there is none."""
        return NOT_GIVEN if np.isnan(self.value) else f"{self.value:.6g}"


def expectations(where: str, rows: object) -> tuple[Expectation, ...]:
    """Return the [[expect]] rows of a grid; ConfigurationError with row and field."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigurationError(f"{where}: expect; expected [[expect]] tables")
    return tuple(parsed_row(Expectation, row, f"{where}: expect row {number}") for number, row in enumerate(rows, start=1))


def require_answers(expected: Sequence[Expectation], grid: Path | str, spec: StrategySpec, thesis: Thesis) -> None:
    """Raise ConfigurationError with a near miss for a window that a thesis lacks, or a twin where the weighting has none."""
    names = [*(row.name for row in thesis.windows), *SAMPLES]
    for number, expectation in enumerate(expected, start=1):
        if expectation.window is not None and expectation.window not in names:
            raise ConfigurationError(f"{grid}: expect row {number}: {near_miss('window', expectation.window, names)}")
        if expectation.against == TWIN and not isinstance(spec.weights, Controlled):
            weighting = type(spec.weights).__name__
            raise ConfigurationError(f"{grid}: expect row {number}: {weighting} has no twin; expected against = 'nothing'")
