"""Columns of many tables as one table: what pandas makes of them, without a copy where that can be."""

import numpy as np
import pandas as pd
import pytest

from backtest.data.matrices import Room, aligned
from backtest.files.hashes import Pieces, content_id

DAYS = pd.date_range("2026-01-05", periods=6, name="session").as_unit("ns")


def by_pandas(columns, indexes):
    return pd.DataFrame({ticker: pd.Series(column, indexes[ticker]) for ticker, column in columns.items()}).sort_index()


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 6), (0, 6), (0, 6)],
        [(0, 4), (2, 6), (1, 3)],
        [(0, 2), (4, 6), (0, 6)],
        [(4, 6), (0, 2), (4, 6)],
        [(3, 4)],
    ],
    ids=["the same sessions", "overlapping", "apart and around", "later first", "one session"],
)
def test_a_wide_table_is_the_one_that_pandas_makes(spans):
    random = np.random.default_rng(1)
    columns = {f"T{number}": random.normal(size=last - first) for number, (first, last) in enumerate(spans)}
    indexes = {f"T{number}": DAYS[first:last] for number, (first, last) in enumerate(spans)}
    pd.testing.assert_frame_equal(
        aligned(columns, indexes), by_pandas(columns, indexes), check_exact=True, check_freq=False, check_names=False
    )


def moved(room, number):
    table = pd.DataFrame({"close": np.arange(6.0) + number, "open": np.arange(6.0) * number, "row": np.arange(6)}, DAYS)
    return room.moved(table, ("close", "open"))


def test_the_rows_of_a_room_are_the_wide_table_as_they_lie():
    room = Room(3, 6)
    tables = {f"T{number}": moved(room, number) for number in range(3)}
    columns = {ticker: table["close"].to_numpy() for ticker, table in tables.items()}
    wide = aligned(columns, dict.fromkeys(tables, DAYS))
    assert list(tables["T1"]) == ["close", "open"]
    assert all(np.shares_memory(wide.to_numpy(), column) for column in columns.values())
    pd.testing.assert_frame_equal(wide, by_pandas(columns, dict.fromkeys(tables, DAYS)), check_freq=False)


def test_a_table_that_was_changed_since_is_in_the_wide_table_as_it_was_changed():
    room = Room(3, 6)
    columns = {f"T{number}": moved(room, number)["close"].to_numpy() for number in range(3)}
    columns["T1"] = np.where(np.arange(6) == 2, np.nan, columns["T1"])
    wide = aligned(columns, dict.fromkeys(columns, DAYS))
    assert wide["T1"].isna().tolist() == [False, False, True, False, False, False]
    assert wide["T2"].tolist() == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_rows_of_a_room_in_another_order_are_copied_in_theirs():
    room = Room(3, 6)
    columns = {f"T{number}": moved(room, number)["close"].to_numpy() for number in range(3)}
    turned = dict(reversed(columns.items()))
    assert aligned(turned, dict.fromkeys(columns, DAYS)).iloc[0].to_dict() == {"T2": 2.0, "T1": 1.0, "T0": 0.0}
    assert columns["T0"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_table_longer_than_the_room_keeps_its_own_memory():
    table = pd.DataFrame({"close": np.arange(6.0)}, DAYS)
    assert Room(1, 5).moved(table, ("close",)) is table


def test_no_table_is_a_table_without_columns():
    assert aligned({}, {}).shape == (0, 0)


def test_a_part_in_pieces_has_the_hash_of_the_whole():
    assert content_id([b"a", Pieces(4, [b"bc", b"", b"de"])]) == content_id([b"a", b"bcde"]) != content_id([b"a", b"bc", b"de"])
