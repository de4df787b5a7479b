"""Who can be held and what is compared: suppliers, baskets and benchmarks, a TOML row each."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from backtest.errors import ConfigurationError, near_miss
from backtest.files.rows import Day, Many, Row, read_rows

FOLDER = Path(__file__).parent

Market = Literal["XSHG", "XNYS"]
Currency = Literal["CNY", "USD"]


class Supplier(Row):
    """A listed company or fund that can be held; member of its chain from `since` until `until` (excluded)."""

    ticker: str
    name: str
    name_zh: str = ""
    market: Market
    currency: Currency
    chain: Literal["optical", "copper", "PCB", "GPU", "ASIC", "cloud", "network", "server", "memory interface", "fund"]
    since: Day
    until: Day | None = None

    @model_validator(mode="after")
    def _span(self) -> "Supplier":
        if self.until and self.until <= self.since:
            raise ValueError(f"until is {self.until}; expected a day after since ({self.since})")
        return self

    def listed(self, day: pd.Timestamp) -> bool:
        """Return whether the row holds on a day."""
        return pd.Timestamp(self.since) <= day and (self.until is None or day < pd.Timestamp(self.until))


class Basket(Row):
    """A theme's members. `chosen` is the day the selection was made public: results before it are hindsight."""

    name: str
    title: str
    members: tuple[str, ...] = Many
    currency: Currency
    chosen: Day


class Benchmark(Row):
    """A fund that results are compared with; never held unless a supplier row names it too. Line charts draw it if `charted`."""

    ticker: str
    name: str
    name_zh: str = ""
    market: Market
    currency: Currency
    charted: bool = False


class Universe(BaseModel):
    """Every row, by kind, in file order."""

    model_config = ConfigDict(frozen=True)

    suppliers: tuple[Supplier, ...]
    baskets: tuple[Basket, ...]
    benchmarks: tuple[Benchmark, ...]

    def supplier(self, ticker: str) -> Supplier:
        """Return a supplier by ticker; raise ConfigurationError with a hint when there is none."""
        supplier = next((row for row in self.suppliers if row.ticker == ticker), None)
        if supplier is None:
            raise ConfigurationError(near_miss("supplier", ticker, [row.ticker for row in self.suppliers]))
        return supplier

    def basket(self, name: str) -> Basket:
        """Return a basket by name; a ticker is a basket of one. Raise ConfigurationError with a hint for neither."""
        for row in self.baskets:
            if row.name == name:
                return row
        for supplier in self.suppliers:
            if supplier.ticker == name:
                return Basket(
                    name=name,
                    title=supplier.name,
                    members=(name,),
                    currency=supplier.currency,
                    chosen=supplier.since,
                    source=supplier.source,
                )
        raise ConfigurationError(near_miss("basket", name, [row.name for row in self.baskets]))

    def members(self, basket: Basket, day: pd.Timestamp) -> tuple[str, ...]:
        """Return a basket's members on a day, by each supplier's since and until."""
        return tuple(ticker for ticker in basket.members if self.supplier(ticker).listed(day))

    def traits(self, tickers: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return market and currency of some tickers; ConfigurationError for one that no row names."""
        known = self.market_and_currency()
        for ticker in tickers:
            if ticker not in known:
                raise ConfigurationError(near_miss("supplier or benchmark", ticker, list(known)))
        return {ticker: known[ticker] for ticker in tickers}

    def market_and_currency(self) -> dict[str, tuple[str, str]]:
        """Return market and currency of every supplier and benchmark, by ticker."""
        rows: list[Supplier | Benchmark] = [*self.suppliers, *self.benchmarks]
        return {row.ticker: (row.market, row.currency) for row in rows}


@lru_cache
def load_universe(folder: Path = FOLDER) -> Universe:
    """Return the universe in a folder of TOML files; raise ConfigurationError by file, row and field."""
    universe = Universe(
        suppliers=read_rows(folder / "suppliers.toml", "supplier", Supplier, key="ticker"),
        baskets=read_rows(folder / "baskets.toml", "basket", Basket, key="name"),
        benchmarks=read_rows(folder / "benchmarks.toml", "benchmark", Benchmark, key="ticker"),
    )
    suppliers = {row.ticker: row for row in universe.suppliers}
    for number, basket in enumerate(universe.baskets, start=1):
        for ticker in basket.members:
            if ticker not in suppliers:
                raise ConfigurationError(f"baskets.toml row {number}: members: {near_miss('supplier', ticker, list(suppliers))}")
    for number, row in enumerate(universe.benchmarks, start=1):
        twin = suppliers.get(row.ticker, row)
        if (twin.market, twin.currency) != (row.market, row.currency):
            raise ConfigurationError(
                f"benchmarks.toml row {number}: {row.ticker} is in {row.market}, {row.currency}; suppliers.toml has it in "
                f"{twin.market}, {twin.currency}"
            )
    return universe
