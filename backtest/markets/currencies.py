"""Currencies, a TOML row each, and the tickers of their rates, which are units per US dollar."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, model_validator

from backtest.errors import ConfigurationError
from backtest.files.rows import Row, read_rows

DOLLAR = "USD"  # what every rate is units per
MARK = "=X"  # at the end of a rate's ticker
FILE = "currencies.toml"


class Currency(Row):
    """A currency by its ISO 4217 code; its rate is plausible from `least` to `most`, and moves by at most `move` in a day."""

    code: str = Field(pattern=r"^[A-Z]{3}$")
    name: str = Field(min_length=1)
    least: float = Field(default=1.0, gt=0)
    most: float = Field(default=1.0, gt=0)
    move: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _banded(self) -> "Currency":
        if self.code != DOLLAR and not (self.least < self.most and self.move):
            raise ValueError(
                f"least is {self.least:g}, most {self.most:g}, move {self.move:g}; expected a band and a move above 0"
            )
        return self

    @property
    def rate(self) -> str:
        """The ticker of its rate, such as KRW=X; empty for the US dollar."""
        return rate_ticker(self.code)


def rate_ticker(code: str) -> str:
    """Return the ticker of a currency's rate, such as KRW=X; nothing for the US dollar."""
    return "" if code == DOLLAR else f"{code}{MARK}"


def currency_of_rate(ticker: str) -> str:
    """Return the currency whose rate a ticker is, or nothing for a ticker that is none."""
    return ticker.removesuffix(MARK) if ticker.endswith(MARK) else ""


def load_currencies(*folders: Path) -> dict[str, Currency]:
    """Return the currencies by code: those that are shipped and those of the `currencies.toml` of further folders."""
    return dict(_currencies(folders))


@lru_cache
def _currencies(folders: tuple[Path, ...]) -> dict[str, Currency]:
    rows: dict[str, Currency] = {}
    for path in (Path(__file__).parent / FILE, *(folder / FILE for folder in folders if (folder / FILE).is_file())):
        for number, row in enumerate(read_rows(path, "currency", Currency, key="code"), start=1):
            if row.code in rows:
                raise ConfigurationError(
                    f"{path.name} row {number}: code is '{row.code}', which there is already; expected another"
                )
            rows[row.code] = row
    return rows
