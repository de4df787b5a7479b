"""Reads a source's answers by the source's own code: what that raises or gives in another shape is an error in one line."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pandas as pd

from backtest.data.answer import Answer
from backtest.data.sources.protocol import (
    Figures,
    FigureSource,
    Instrument,
    PriceSource,
    Source,
    closed_sessions,
    typed_bars,
    typed_figures,
)
from backtest.errors import BacktestError, DataError
from backtest.files.messages import shown

Result = TypeVar("Result")


def answered(source: Source, key: str, call: Callable[[], Result]) -> Result:
    """Return what a source's own code returns; DataError by source and key for whatever it raises."""
    try:
        return call()
    except BacktestError:
        raise
    except (Exception, SystemExit) as error:
        fault = shown(f"{type(error).__name__}: {error}".splitlines()[0])
        raise DataError(f"{source.name} {key}: not the answer we know ({fault}); expected its usual shape") from None


def figures_of(source: FigureSource, key: str, bodies: Sequence[bytes]) -> Figures:
    """Return the figures that the bytes of a company's answers give, and a line for each refused."""
    rows, refused = answered(source, key, lambda: source.parse(bodies, key))
    return answered(source, key, lambda: typed_figures(rows, f"{source.name} {key}")), refused


def bars_of(source: PriceSource, instrument: Instrument, answer: Answer) -> pd.DataFrame:
    """Return the prices that an answer gives, by session, of those that had closed when it came."""
    name = f"{source.name} {instrument.ticker}"

    def read() -> pd.DataFrame:
        bars = typed_bars(source.parse(answer, instrument), name)
        return closed_sessions(bars, instrument.traded_on, answer.at, source.settled_after, name)

    rows = answered(source, instrument.ticker, read)
    if rows.empty:
        raise DataError(f"{name}: no session that had closed by {answer.at:%Y-%m-%d %H:%M}Z; expected at least one")
    return rows.reset_index(drop=True)
