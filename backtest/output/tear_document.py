"""A book's tear sheet as JSON: the `tear_sheet` of result.json."""

from dataclasses import asdict

import pandas as pd

from backtest.files.documents import Json
from backtest.statistics.tear_sheet import TearSheet


def tear_document(sheet: TearSheet) -> Json:
    """Return figures by window, the tables of months, years and drawdowns, the histogram, and rolling figures by month's end."""
    return {
        "windows": {name: asdict(figures) for name, figures in sheet.spans.items()},
        "months": [asdict(row) for row in sheet.months],
        "years": [asdict(row) for row in sheet.years],
        "drawdowns": [asdict(row) for row in sheet.drawdowns],
        "distribution": asdict(sheet.distribution),
        "rolling": _month_ends(sheet.rolling),
    }


def _month_ends(rolling: pd.DataFrame) -> Json:
    """Return the last row of every month by session."""
    months = pd.DatetimeIndex(rolling.index).to_period("M")
    last = rolling[~months.duplicated(keep="last")]
    return {f"{day:%Y-%m-%d}": row for day, row in zip(last.index, last.to_dict("records"), strict=True)}
