"""A result.json read back: the parts that other commands read, each of its kind."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backtest.files.documents import Json, read_json, require_schema
from backtest.files.messages import unreadable
from backtest.files.rows import fault

EXPECTED = "a report's folder, see 'capex-backtest run'"


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Figures(_Part):
    total_return: float | None = None
    sharpe: float | None = None
    max_drawdown: float | None = None
    turnover: float | None = None
    costs: float | None = None


class _Control(_Part):
    sentence: str
    switches: int | None = None
    time_on: float | None = None


class _Book(_Part):
    windows: dict[str, _Figures]
    orders: list[Any]
    control: _Control | None = None


class _Claim(_Part):
    id: str
    verdict: str


class _Prices(_Part):
    source: str


class _Thesis(_Part):
    id: str
    date: str


class _Result(_Part):
    strategy: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    spec_id: str
    data_id: str
    code_id: str
    spec: Json
    thesis: _Thesis
    prices: _Prices
    books: dict[str, _Book]
    claims: list[_Claim]
    audit: Json | None


def read_result(path: Path) -> Json:
    """Return the result.json of a report; DataError for one that is not there or is none."""
    try:
        document = read_json(path)
        require_schema(document)
        _Result.model_validate(document)
    except ValidationError as error:
        raise unreadable(path, ValueError(fault(error)), "result", EXPECTED) from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error, "result", EXPECTED) from None
    return document
