"""Packs a folder of daily price files into the one Parquet file that the package carries.

    python tools/embed_prices.py FOLDER

Prices become whole ten-thousandths (no file has more than four decimals), which Parquet stores as small
differences. Beside it stand `prices.csv`: per ticker its first and last session, the last session with a bar, their number, and
what its prices are; `decisions.toml`; and `rates.csv`: the mean rate of every quarter that has ended. A file with more
decimals, or with a price that is not a number, stops the tool.
"""

import argparse
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from backtest.markets.currencies import DOLLAR, currency_of_rate

REFERENCE = Path(__file__).parent.parent / "backtest" / "data" / "reference"
PRICES = ("open", "high", "low", "close", "adj_close")
DECIMALS = 4
VOLUMES = "# Volumes that count lots"  # begins the rows on volumes in decisions.toml

# What the prices of a ticker are, by the end of its name; the first that fits counts.
KINDS = (
    ("CNY=X", "CNY per USD, market closes"),
    ("KRW=X", "KRW per USD, market closes; median difference from the Bank of Korea's rates 0.4%"),
    ("510300.SS", "fund: closes as traded, adj_close with dividends"),
    ("000300.SS", "price index: without dividends"),
    ("399006.SZ", "price index: without dividends"),
    (".SS", "closes adjusted forward in proportion: close is adj_close"),
    (".SZ", "closes adjusted forward in proportion: close is adj_close"),
    (".KS", "closes only, adjusted for splits"),
    ("SPY", "closes adjusted for splits, adj_close with dividends"),
    ("QQQ", "closes adjusted for splits, adj_close with dividends"),
    ("", "closes adjusted for splits, adj_close with dividends; those after 2026-08-21 are missing"),
)  # fmt: skip


def scaled(text: str, where: str) -> int | None:
    """Return a price as whole ten-thousandths, None where it is empty."""
    if not text:
        return None
    whole = Decimal(text).scaleb(DECIMALS)
    if whole != whole.to_integral_value():
        raise SystemExit(f"{where}: '{text}'; expected at most {DECIMALS} decimals")
    return int(whole)


def rows_of(path: Path) -> pd.DataFrame:
    """Return a file's rows with its prices as scaled integers and its volume in whole shares."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    where = [f"{path.name} {day}" for day in text["date"]]
    columns = {name: pd.array([scaled(*pair) for pair in zip(text[name], where, strict=True)], dtype="Int64") for name in PRICES}
    volume = [round(Decimal(shares)) if shares else None for shares in text["volume"]]
    rows = {"ticker": path.stem, "session": pd.to_datetime(text["date"])}
    return pd.DataFrame(rows | columns | {"volume": pd.array(volume, dtype="Int64")})


def described(rows: pd.DataFrame) -> dict[str, str]:
    """Return a ticker's row of `prices.csv`."""
    ticker, bars = str(rows["ticker"].iloc[0]), rows[rows["open"].notna()]
    return {
        "ticker": ticker,
        "first": f"{rows['session'].iloc[0]:%Y-%m-%d}",
        "last": f"{rows['session'].iloc[-1]:%Y-%m-%d}",
        "last_bar": f"{bars['session'].iloc[-1]:%Y-%m-%d}" if len(bars) else "",
        "sessions": f"{len(rows)}",
        "source": next(kind for end, kind in KINDS if ticker.endswith(end)),
    }


def quarterly_rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean close of every quarter that a rate's file covers, as rows of a facts table."""
    rate = str(rows["ticker"].iloc[0])
    closes = pd.Series(rows["close"].to_numpy(float) / 10**DECIMALS, rows["session"])
    quarters = closes.groupby(closes.index.to_period("Q"))
    table = pd.DataFrame({"mean": quarters.mean(), "count": quarters.size()})
    ends = table.index.end_time.strftime("%Y-%m-%d")
    table = table.assign(end=ends)[ends <= f"{closes.index[-1]:%Y-%m-%d}"]
    return pd.DataFrame(
        {
            "entity": rate,
            "metric": "per_usd",
            "period": [str(quarter) for quarter in table.index],
            "period_end": table["end"],
            "known_at": table["end"],
            "value": table["mean"].round(6),
            "unit": f"{currency_of_rate(rate)}_per_{DOLLAR}",
            "evidence": "derived",
            "confidence": "high",
            "source": f"prices.parquet, {rate}",
            "note": [f"mean of {count} daily closes" for count in table["count"]],
        }
    )


def embed(folder: Path, target: Path) -> None:
    """Write what the package carries of a folder of price files into another folder."""
    tables = [rows_of(path) for path in sorted(folder.glob("*.csv"))]
    table = pa.Table.from_pandas(pd.concat(tables, ignore_index=True), preserve_index=False)
    session = table.schema.get_field_index("session")
    table = table.set_column(session, "session", table["session"].cast(pa.date32()))
    pq.write_table(
        table.replace_schema_metadata(None),
        target / "prices.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=["ticker"],
        column_encoding=dict.fromkeys(("session", *PRICES, "volume"), "DELTA_BINARY_PACKED"),
    )
    pd.DataFrame([described(rows) for rows in tables]).to_csv(target / "prices.csv", index=False)
    rates = [quarterly_rates(rows) for rows in tables if currency_of_rate(str(rows["ticker"].iloc[0]))]
    pd.concat(rates).to_csv(target / "rates.csv", index=False)
    (target / "decisions.toml").write_text(_decisions(folder, target), encoding="utf-8")


def _decisions(folder: Path, target: Path) -> str:
    """Return the rows of the folder, then those on volumes that the package has beside it."""
    given, path = (folder / "decisions.toml").read_text(encoding="utf-8"), target / "decisions.toml"
    own = path.read_text(encoding="utf-8").partition(VOLUMES) if path.exists() else ("", "", "")
    return given if VOLUMES in given else f"{given.rstrip()}\n\n{own[1]}{own[2]}".rstrip() + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    embed(parser.parse_args().folder, REFERENCE)
