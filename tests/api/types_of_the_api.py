"""What mypy, strict, has to know of the API: `make lint` checks this file, and nothing runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import assert_type

import pandas as pd
from matplotlib.axes import Axes

import backtest as bt
from backtest.analysis.return_split import ReturnSplit
from backtest.claims.checked import CheckedClaims
from backtest.claims.ledger import Finding
from backtest.output.compare import Comparison
from backtest.output.verify import Verdict
from backtest.result import Audit
from backtest.sweeps.finished import Sweep
from backtest.thesis import Thesis


def rising(panel: bt.Panel, days: int = 60) -> pd.Series:
    return panel.prices.iloc[-1] / panel.prices.iloc[-days] - 1.0


def inputs() -> bt.Archive:
    archive = bt.load_archive("memory", prices="reference", tickers=["NVDA"])
    assert_type(archive, bt.Archive)
    assert_type(archive.as_of("2025-07-23"), bt.Panel)
    assert_type(archive.as_of(pd.Timestamp("2025-07-23T12:00Z")).prices, pd.DataFrame)
    assert_type(bt.load_thesis("memory"), Thesis)
    assert_type(bt.load_archive(bt.load_thesis()).thesis, Thesis)
    assert_type(bt.load_strategy(Path("mine.py")), bt.StrategySpec)
    return archive


def strategies(weights: pd.DataFrame) -> list[bt.StrategySpec]:
    function = bt.build_spec(name="mine", baskets=("optical",), signals=(rising,), weights=bt.weights.Rotation(top=1))
    assert_type(function, bt.StrategySpec)
    return [function, bt.build_spec(name="typed", weights=weights, base="USD"), function.replaced(lag=2)]


def results(spec: bt.StrategySpec, archive: bt.Archive, ax: Axes) -> None:
    result = bt.run(spec, archive)
    assert_type(result, bt.RunResult)
    assert_type(result.to_frame(), pd.DataFrame)
    assert_type(result.plot(ax=ax), Axes)
    book = result.books["optical"]
    assert_type(book, bt.Book)
    assert_type(book.equity, pd.Series)
    assert_type(book.returns, pd.Series)
    assert_type(book.orders, pd.DataFrame)
    assert_type(book.statistics, pd.DataFrame)
    assert_type(book.plot(), Axes)
    audit = bt.audit(result, archive, seconds=5.0, progress=print)
    assert_type(audit, Audit)
    assert_type(bt.write_report(result, "reports", audit=audit), Path)
    assert_type(bt.verify("reports/mine", archive, strategy=spec), Verdict)
    assert_type(bt.compare(result, Path("reports/mine")), Comparison)
    assert_type(bt.explain(book, archive), ReturnSplit)
    assert_type(bt.explain("optical", archive, "2025-07-23").plot(ax), Axes)
    claims = bt.check_claims(archive, as_of="2025-07-23")
    assert_type(claims, CheckedClaims)
    assert_type(claims["ratio-start"], Finding)
    swept = bt.sweep(spec, {"lag": [1, 2]}, archive, out="reports", workers=1)
    assert_type(swept, Sweep)
    assert_type(swept.to_frame(), pd.DataFrame)
    assert_type(bt.write_report(swept), Path)


def errors() -> None:
    try:
        inputs()
    except bt.errors.ConfigurationError as error:
        assert_type(error.exit_code, int)


wrong_archive: Callable[..., object] = bt.run("theme_baskets")  # type: ignore[arg-type,assignment]
wrong_book: bt.Book = bt.load_archive()  # type: ignore[assignment]
wrong_name = bt.backtest_everything  # type: ignore[attr-defined]
