"""The registered hypotheses: fixed in `hypotheses.toml`, hashed, and corrected for their number however few a run tests."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from backtest.audit.nulls import NULLS
from backtest.errors import ConfigurationError
from backtest.facts import content_id
from backtest.statistics.nulls import holm
from backtest.universe import FOLDER

PATH = FOLDER / "hypotheses.toml"


@dataclass(frozen=True)
class Hypothesis:
    """One row: the strategy's statistic is larger than under a null, at level `alpha` after correction."""

    strategy: str
    null: Literal["placebo", "labels", "dates", "leader", "noise"]
    statistic: Literal["log growth a year"]
    direction: Literal["larger"]
    alpha: float


def hypotheses_id() -> str:
    """Return the hash of the file."""
    return content_id([PATH.read_bytes()])


@lru_cache
def load_hypotheses() -> tuple[Hypothesis, ...]:
    """Return the rows in file order; ConfigurationError for a row that is malformed or stands twice."""
    try:
        rows = TypeAdapter(tuple[Hypothesis, ...]).validate_python(tomllib.loads(PATH.read_text(encoding="utf-8"))["hypothesis"])
    except (tomllib.TOMLDecodeError, KeyError, ValidationError) as error:
        raise ConfigurationError(f"{PATH.name}: {str(error).splitlines()[0]}") from None
    if len({(row.strategy, row.null) for row in rows}) < len(rows):
        raise ConfigurationError(f"{PATH.name}: a strategy and null stand twice")
    return rows


def judged(strategy: str, suite: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a suite with Holm-adjusted p-values, the hash and the number of registered hypotheses.

    Those of other strategies, and those that gave no p-value, count as 1. No adjusted value is smaller for it than with
    all of them known: the i-th of m smallest is multiplied by m - i + 1, and more below it only lower its factor.
    """
    rows = load_hypotheses()
    values = {f"{row.strategy}/{row.null}": 1.0 for row in rows}
    values |= {name: float(suite[null]["p"]) for null in NULLS if (name := f"{strategy}/{null}") in values and suite[null]["p"]}
    corrected, level = holm(values), {f"{row.strategy}/{row.null}": row.alpha for row in rows}
    found: dict[str, Any] = {}
    for null, one in suite.items():
        adjusted = corrected.adjusted.get(f"{strategy}/{null}") if one["p"] else None
        stands = None if adjusted is None else adjusted <= level[f"{strategy}/{null}"]
        found[null] = one | {"adjusted": adjusted, "stands": stands}
    return {"tests": found, "registered": corrected.tests, "hypotheses_id": hypotheses_id()}


def sentence(found: dict[str, Any]) -> str:
    """Return what the verdict says of the nulls: which registered ones the strategy beat after correction."""
    tested = [null for null, one in found["tests"].items() if one["stands"] is not None]
    if not tested:
        return "No null is registered for this strategy."
    beaten = [null for null in tested if found["tests"][null]["stands"]]
    of = f"{len(tested)} nulls (corrected for {found['registered']} hypotheses)"
    return f"It beats {', '.join(beaten)} of {of}." if beaten else f"It beats none of {of}."
