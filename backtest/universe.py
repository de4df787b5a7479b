"""Who can be held and what is compared: suppliers, baskets, regimes and benchmarks, a TOML row each."""

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backtest.errors import ConfigurationError, near_miss

FOLDER = Path(__file__).parent / "universe"

Market = Literal["XSHG", "XNYS"]
Currency = Literal["CNY", "USD"]


class Row(BaseModel):
    """What every row of the universe has in common: frozen, no unknown fields, a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1)


RowType = TypeVar("RowType", bound=Row)


class Supplier(Row):
    """A listed company or fund that can be held; member of its chain from `since` until `until` (excluded)."""

    ticker: str
    name: str
    name_zh: str = ""
    market: Market
    currency: Currency
    chain: Literal["optical", "copper", "PCB", "GPU", "ASIC", "cloud", "network", "server", "memory interface", "fund"]
    since: date
    until: date | None = None

    @model_validator(mode="after")
    def _span(self) -> "Supplier":
        if self.until and self.until <= self.since:
            raise ValueError(f"until is {self.until}; want a day after since ({self.since})")
        return self

    def listed(self, day: pd.Timestamp) -> bool:
        """Return whether the row holds on a day."""
        return pd.Timestamp(self.since) <= day and (self.until is None or day < pd.Timestamp(self.until))


class Basket(Row):
    """A theme's members. `chosen` is the day the selection was made public: results before it are hindsight."""

    name: str
    title: str
    members: tuple[str, ...] = Field(min_length=1)
    currency: Currency
    chosen: date


class Regime(Row):
    """A named window of the thesis, both days included; no `end` means to the end of the run."""

    name: str
    title: str
    start: date
    end: date | None = None


class Benchmark(Row):
    """An index or fund that results are compared with; never held unless a supplier row names it too."""

    ticker: str
    name: str
    name_zh: str = ""
    market: Market
    currency: Currency


class Loading(Row):
    """How much a theme stands to gain from one of the four trend shifts, from -1 to 1, and why."""

    theme: str
    trend: Literal["token_anchor", "asic_share", "network_architecture", "scale_up_bandwidth"]
    loading: float = Field(ge=-1, le=1)
    reason: str = Field(min_length=1)


class Universe(BaseModel):
    """Every row, by kind, in file order."""

    model_config = ConfigDict(frozen=True)

    suppliers: tuple[Supplier, ...]
    baskets: tuple[Basket, ...]
    regimes: tuple[Regime, ...]
    benchmarks: tuple[Benchmark, ...]

    @model_validator(mode="after")
    def _cross_checked(self) -> "Universe":
        tickers = [row.ticker for row in self.suppliers]
        for kind, names in {
            "supplier": tickers,
            "basket": [row.name for row in self.baskets],
            "regime": [row.name for row in self.regimes],
            "benchmark": [row.ticker for row in self.benchmarks],
        }.items():
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"{kind} '{min(twice)}' stands twice")
        for basket in self.baskets:
            for ticker in basket.members:
                if ticker not in tickers:
                    raise ValueError(f"basket '{basket.name}': {near_miss('supplier', ticker, tickers)}")
        return self

    def supplier(self, ticker: str) -> Supplier:
        """Return a supplier by ticker; raise ConfigurationError with a hint when there is none."""
        found = next((row for row in self.suppliers if row.ticker == ticker), None)
        if found is None:
            raise ConfigurationError(near_miss("supplier", ticker, [row.ticker for row in self.suppliers]))
        return found

    def basket(self, name: str) -> Basket:
        """Return a basket by name; a ticker is a basket of one. Raise ConfigurationError with a hint for neither."""
        for row in self.baskets:
            if row.name == name:
                return row
        if name in {row.ticker for row in self.suppliers}:
            one = self.supplier(name)
            return Basket(name=name, title=one.name, members=(name,), currency=one.currency, chosen=one.since, source=one.source)
        raise ConfigurationError(near_miss("basket", name, [row.name for row in self.baskets]))

    def members(self, basket: Basket, day: pd.Timestamp) -> tuple[str, ...]:
        """Return a basket's members on a day, by each supplier's since and until."""
        return tuple(ticker for ticker in basket.members if self.supplier(ticker).listed(day))

    def market_and_currency(self) -> dict[str, tuple[str, str]]:
        """Return market and currency of every supplier and benchmark, by ticker."""
        rows: list[Supplier | Benchmark] = [*self.suppliers, *self.benchmarks]
        return {row.ticker: (row.market, row.currency) for row in rows}


@lru_cache
def load_universe(folder: Path = FOLDER) -> Universe:
    """Return the universe in a folder of TOML files; raise ConfigurationError by file, row and field."""
    try:
        return Universe(
            suppliers=read_rows(folder, "suppliers", Supplier),
            baskets=read_rows(folder, "baskets", Basket),
            regimes=read_rows(folder, "regimes", Regime),
            benchmarks=read_rows(folder, "benchmarks", Benchmark),
        )
    except ValidationError as error:
        raise ConfigurationError(f"universe: {error.errors()[0]['msg']}") from None


@lru_cache
def load_loadings(folder: Path = FOLDER) -> tuple[Loading, ...]:
    """Return the loadings in file order, each for a basket that exists; raise ConfigurationError by file and row."""
    rows = read_rows(folder, "loadings", Loading)
    universe = load_universe(folder)
    for row in rows:
        universe.basket(row.theme)
    return rows


def read_rows(folder: Path, kind: str, model: type[RowType]) -> tuple[RowType, ...]:
    """Return the rows of `kind.toml` in file order; raise ConfigurationError by file, row and field."""
    return tuple(_parse(model, row, f"{kind}.toml row {n}") for n, row in enumerate(_read(folder, kind), start=1))


def _read(folder: Path, kind: str) -> list[dict[str, Any]]:
    path = folder / f"{kind}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name}: no such file in {folder}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name}: {error}") from None
    found = content.get(kind[:-1], [])
    if not isinstance(found, list):
        raise ConfigurationError(f"{path.name}: want [[{kind[:-1]}]] rows")
    return found


def _parse(model: type[RowType], row: dict[str, Any], where: str) -> RowType:
    try:
        return model(**row)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        came = "" if first["type"] == "missing" else f" is {first['input']!r}"
        raise ConfigurationError(f"{where}: {name}{came}; {first['msg']}") from None
