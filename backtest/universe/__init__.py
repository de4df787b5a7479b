"""Who can be held and what is compared: suppliers, baskets and benchmarks, a TOML row each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from backtest.errors import ConfigurationError, near_miss
from backtest.files.rows import Day, Many, Row, read_rows
from backtest.markets import Market, load_markets
from backtest.markets.cash_rates import CashRate, load_cash_rates
from backtest.markets.currencies import DOLLAR, Currency, currency_of_rate, load_currencies
from backtest.universe.benchmarks import Comparison, comparisons

FOLDER = Path(__file__).parent
MARKETS = "markets"  # the folder of a universe's own markets


class Supplier(Row):
    """A listed company or fund that can be held; member of its theme from `since` until `until` (excluded)."""

    ticker: str
    name: str
    name_zh: str = ""
    market: str
    currency: str
    theme: str = Field(min_length=1)
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
    """A theme's members. `chosen` is the day the selection was made public: results before it are hindsight.

    `benchmarks` are the funds that its results are compared with; the first is the declared one, the others are shown beside it.
    """

    name: str
    title: str
    members: tuple[str, ...] = Many
    currency: str
    benchmarks: tuple[Comparison, ...] = Field(default=(), strict=False)
    chosen: Day


class Benchmark(Row):
    """A fund that results are compared with; never held unless a supplier row names it too. Line charts draw it if `charted`."""

    ticker: str
    name: str
    name_zh: str = ""
    market: str
    currency: str
    charted: bool = False


class Universe(BaseModel):
    """Every row, by kind, in file order; the markets and currencies by code, what cash earns by currency and day."""

    model_config = ConfigDict(frozen=True)

    suppliers: tuple[Supplier, ...]
    baskets: tuple[Basket, ...]
    benchmarks: tuple[Benchmark, ...]
    markets: Mapping[str, Market] = Field(default_factory=load_markets)
    currencies: Mapping[str, Currency] = Field(default_factory=load_currencies)
    cash_rates: tuple[CashRate, ...] = Field(default_factory=load_cash_rates)

    @model_validator(mode="after")
    def _placed(self) -> "Universe":
        for file in ("suppliers", "baskets", "benchmarks"):
            for number, row in enumerate(getattr(self, file), start=1):
                for kind, known in (("market", self.markets), ("currency", self.currencies)):
                    if (stated := getattr(row, kind, None)) is not None and stated not in known:
                        expected = ", ".join(sorted(known))
                        raise ConfigurationError(f"{file}.toml row {number}: {kind} is '{stated}'; expected one of {expected}")
        for rate in self.cash_rates:
            if rate.currency not in self.currencies:
                raise ConfigurationError(f"cash_rates.toml: {near_miss('currency', rate.currency, list(self.currencies))}")
        return self

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

    def comparisons(self, baskets: Sequence[str]) -> tuple[Comparison, ...]:
        """Return what a book of some baskets is compared with, the declared benchmark first."""
        rows = {name: self.basket(name) for name in baskets}
        markets = {self.supplier(ticker).market for row in rows.values() for ticker in row.members}
        return comparisons(
            {name: row.benchmarks for name, row in rows.items()},
            {name: len(row.members) for name, row in rows.items()},
            [fund.ticker for fund in self.benchmarks if fund.market in markets],
        )

    def traits(self, tickers: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return market and currency of some tickers; ConfigurationError for one that no row names."""
        known = self.market_and_currency()
        for ticker in tickers:
            if ticker not in known:
                raise ConfigurationError(near_miss("supplier or benchmark", ticker, list(known)))
        return {ticker: known[ticker] for ticker in tickers}

    def quoted(self, ticker: str) -> tuple[str, str]:
        """Return market and currency of a ticker; of a rate no market and the currency it is of."""
        return ("", currency_of_rate(ticker)) if ticker in self.all_rates else self.traits([ticker])[ticker]

    @property
    def all_rates(self) -> tuple[str, ...]:
        """The tickers of the rates of every currency."""
        return tuple(currency.rate for currency in self.currencies.values() if currency.rate)

    @property
    def rates(self) -> tuple[str, ...]:
        """The tickers of the rates of those currencies that suppliers, baskets and benchmarks are in."""
        needed = {currency for _, currency in self.market_and_currency().values()} | {row.currency for row in self.baskets}
        return tuple(self.currencies[code].rate for code in self.currencies if code in needed - {DOLLAR})

    def market_and_currency(self) -> dict[str, tuple[str, str]]:
        """Return market and currency of every supplier and benchmark, by ticker."""
        rows: list[Supplier | Benchmark] = [*self.suppliers, *self.benchmarks]
        return {row.ticker: (row.market, row.currency) for row in rows}


def load_universe(folder: Path, themes: Sequence[str]) -> Universe:
    """Return the universe in a folder of TOML files, its suppliers of some themes; ConfigurationError by file, row and field."""
    funds = folder / "benchmarks.toml"
    universe = Universe(
        suppliers=read_rows(folder / "suppliers.toml", "supplier", Supplier, key="ticker"),
        baskets=read_rows(folder / "baskets.toml", "basket", Basket, key="name"),
        benchmarks=read_rows(funds, "benchmark", Benchmark, key="ticker") if funds.exists() else (),
        markets=load_markets(folder / MARKETS),
        currencies=load_currencies(folder / MARKETS),
        cash_rates=load_cash_rates(folder),
    )
    for number, supplier in enumerate(universe.suppliers, start=1):
        if supplier.theme not in themes:
            raise ConfigurationError(f"suppliers.toml row {number}: theme: {near_miss('theme', supplier.theme, list(themes))}")
    suppliers = {row.ticker: row for row in universe.suppliers}
    for number, basket in enumerate(universe.baskets, start=1):
        for ticker in basket.members:
            if ticker not in suppliers:
                raise ConfigurationError(f"baskets.toml row {number}: members: {near_miss('supplier', ticker, list(suppliers))}")
        _check_comparisons(f"baskets.toml row {number}: benchmarks", basket, [row.ticker for row in universe.benchmarks])
    for number, row in enumerate(universe.benchmarks, start=1):
        twin = suppliers.get(row.ticker, row)
        if (twin.market, twin.currency) != (row.market, row.currency):
            raise ConfigurationError(
                f"benchmarks.toml row {number}: {row.ticker} is in {row.market}, {row.currency}; suppliers.toml has it in "
                f"{twin.market}, {twin.currency}"
            )
    return universe


def _check_comparisons(where: str, basket: Basket, funds: Sequence[str]) -> None:
    """Refuse a fund that benchmarks.toml lacks, and one that is named twice."""
    seen: set[str] = set()
    for row in basket.benchmarks:
        if row.ticker not in funds:
            raise ConfigurationError(f"{where}: {near_miss('benchmark', row.ticker, list(funds))}")
        if row.ticker in seen:
            raise ConfigurationError(f"{where}: {row.ticker} stands twice; expected each fund once")
        seen.add(row.ticker)
