"""The rows of demand.toml: how chips that are shipped are wired, and which suppliers say what they sold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from backtest.errors import ConfigurationError
from backtest.files.rows import STRICT, Row, parsed_row, read_tables


class RangeRef(BaseModel):
    """A row of the table of ranges, and what of it counts: both ends, or one; `chips_each` chips share what it states."""

    model_config = STRICT

    item: str
    subject: str
    metric: str
    end: Literal["", "low", "high"] = ""
    chips_each: int = Field(default=1, ge=1)


class Topology(Row):
    """A network or rack by name: whose chips are in it, and how many modules, copper links and boards (USD) a chip needs."""

    name: str = Field(min_length=1)
    chips: tuple[str, ...] = Field(default=(), strict=False)
    modules: tuple[RangeRef, ...] = Field(default=(), strict=False)
    links: tuple[RangeRef, ...] = Field(default=(), strict=False)
    boards: tuple[RangeRef, ...] = Field(default=(), strict=False)


class Sold(Row):
    """What a supplier sold in a calendar year, in million modules; its revenue is that of `entity`."""

    entity: str
    year: int = Field(ge=1990, le=2199)
    units: RangeRef


@dataclass(frozen=True)
class DemandRows:
    """The topologies and the disclosed sales of a thesis."""

    topologies: tuple[Topology, ...] = ()
    sold: tuple[Sold, ...] = ()


def load_demand(folder: Path) -> DemandRows | None:
    """Return what demand.toml of a thesis says, None where there is none."""
    path = folder / "demand.toml"
    if not path.exists():
        return None
    tables = read_tables(path, "topology", "sold")
    topologies = [parsed_row(Topology, row, f"demand.toml topology {n}") for n, row in enumerate(tables["topology"], start=1)]
    names = [row.name for row in topologies]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ConfigurationError(
                f"demand.toml topology {number + 1}: name is '{name}'; expected one that no row before it has"
            )
    sold = [parsed_row(Sold, row, f"demand.toml sold {number}") for number, row in enumerate(tables["sold"], start=1)]
    return DemandRows(tuple(topologies), tuple(sold))
