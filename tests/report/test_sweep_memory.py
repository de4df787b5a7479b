"""What a sweep holds in memory after its curves are measured grows by a column or two of its table, not by all of them."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.markets import ROOT

from backtest.report.sweep.page import render_sweep
from backtest.report.sweep.settings import top
from backtest.strategy import load_strategy
from backtest.sweeps import drift
from backtest.sweeps.grid import Grid
from backtest.sweeps.settings import Settings
from backtest.sweeps.table import BOOK, NUMBER, TableWriter, table_of

SPEC = load_strategy(ROOT / "strategies" / "supply_chain_excess.py")
WINDOWS = ("whole", "in sample", "out of sample", *(f"window {number}" for number in range(37)))
FIGURES = tuple(f"{kind} {window}" for window in WINDOWS for kind in ("sharpe", "total_return"))
ROW = 8 * len(FIGURES)  # bytes
MOST = 0.3  # of a row: what may be held of it at any time
PART = 512  # rows that come together
FEW = 18 * PART  # rows, of which a map has as many cells as of four times as many


def settings_of(count):
    """Return so many settings, a multiple of 32: of one field with ever more values, which a map puts together."""
    above = tuple(round(-0.3 + 0.1 * number, 1) for number in range(8))
    slippage = tuple(number / 10 for number in range(count // 32))
    return Settings(SPEC, Grid({"lag": (1, 2, 3, 4), "slippage_bps": slippage, "weights.above": above}))


def written(settings, folder):
    """Return the table of figures that come a chunk at a time, the last chunk first."""
    chance, writer = np.random.default_rng(20250723), TableWriter(folder)
    firsts = range(0, len(settings), PART)
    for chunk, first in reversed(list(enumerate(firsts))):
        part = {NUMBER: np.arange(first, first + PART), BOOK: np.array(["leaders"] * PART, dtype=object)}
        part |= {"periods": np.full(PART, 242), "acts": chance.random(PART) < 0.5}
        writer.add(part | {name: chance.normal(0.5, 0.2, PART) for name in FIGURES}, chunk)
    columns, books = writer.finish()
    return table_of(columns, books, settings, [f"{first}.parquet" for first in firsts], ["periods", "acts", "chunk", *FIGURES])


@pytest.fixture
def finished(search_of):
    """Return what the page of a sweep shows, with a table and settings of one's own in place of its own."""
    made = search_of({"a": (1, 2)}, {"whole": [0.1, 0.2], "in sample": [0.1, 0.2], "out of sample": [0.1, 0.2]})

    def call(table, settings):
        grid = replace(settings.grid, most=len(settings))
        return replace(made, grid=grid, result=replace(made.result, table=table, fields=tuple(grid.fields)))

    return call


def work(count, folder, finished, stage):
    """Return a function that does a stage's work on a table of so many rows."""
    settings = settings_of(count)
    if stage is written:
        return lambda: written(settings, folder)
    search = finished(written(settings, folder), settings)
    return lambda: stage(search, folder)


def peak(stage_of_a_table):
    """Return the most memory that is allocated meanwhile, in bytes."""
    tracemalloc.start()
    try:
        stage_of_a_table()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def stored(search, folder):
    drift.write(search.table, {"code": "c0"}, folder / "settings.parquet")


def ranked(search, _):
    assert len(top(search, 10)) == 10


def drawn(search, _):
    assert "Where in the grid" in render_sweep(search)


def whole_table(search, _):
    search.table.take(np.arange(len(search.table))).round(9)


def growth(stage, folder, finished):
    """Return by how much of a row the peak rises with each further row."""
    few, many = FEW, 4 * FEW
    work(FEW // 2, folder, finished, stage)()  # what is loaded and cached once
    return (peak(work(many, folder, finished, stage)) - peak(work(few, folder, finished, stage))) / (many - few) / ROW


@pytest.mark.slow
@pytest.mark.parametrize("stage", [written, stored, ranked, drawn])
def test_the_memory_of_a_stage_does_not_grow_with_the_columns_of_the_table(stage, tmp_path, finished, monkeypatch):
    monkeypatch.setattr(drift, "ROWS", 1024)
    assert growth(stage, tmp_path, finished) < MOST


@pytest.mark.slow
def test_a_stage_that_reads_the_whole_table_would_be_seen(tmp_path, finished):
    assert growth(whole_table, tmp_path, finished) > 1.0


def test_a_table_on_the_disk_is_that_of_its_parts_and_is_read_back_from_its_groups_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "ROWS", 1000)
    settings = settings_of(2048)
    table = written(settings, tmp_path)
    every = table.take(np.arange(len(table)))
    assert list(every) == ["number", "spec_id", "book", *settings.grid.fields, "periods", "acts", "chunk", *FIGURES]
    assert every["number"].tolist() == list(range(2048))
    assert every["chunk"].tolist() == [f"{number // PART * PART}.parquet" for number in range(2048)]
    assert every["spec_id"][1500] == settings.spec_id(1500)
    assert {name: every[name][1500] for name in settings.grid.fields} == dict(settings.setting(1500))
    pd.testing.assert_frame_equal(table.take(np.array([7, 3])), every.iloc[[7, 3]])
    drift.write(table, {"code": "c0"}, tmp_path / "settings.parquet")
    back, _ = drift.read(tmp_path / "settings.parquet")
    pd.testing.assert_frame_equal(back, every)


def test_the_best_settings_are_found_without_reading_the_others(finished, tmp_path):
    settings = settings_of(2048)
    search = finished(written(settings, tmp_path), settings)
    expected = search.table["sharpe whole"].nlargest(10).index.tolist()
    assert list(top(search, 10)) == expected
