"""A sweep's results as others read them: typed columns, a document that comes back, and what 0.1.0 wrote."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from support.markets import ROOT, day

import backtest
from backtest.errors import ConfigurationError, DataError, DriftError
from backtest.files.documents import to_json
from backtest.files.hashes import sealed_json
from backtest.output.publish import publish_index
from backtest.report import render_index
from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.strategy import load_strategy
from backtest.sweeps import chunks, drift, sealed_parquet
from backtest.sweeps.document import read_summary, sweep_document
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.grid import Grid
from backtest.sweeps.notes import open_notes
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.results import (
    BestSetting,
    Compared,
    MinimumLength,
    SearchStatistics,
    SweepResult,
    SweepSummary,
    TwinStatistics,
    WindowFigures,
)
from backtest.sweeps.settings import Settings, typed_column
from backtest.sweeps.trials import Trials
from backtest.thesis.windows import Window

OLD = Path(__file__).parent / "written_by_0_1_0"  # lag 1, 2 × slippage 5, 10 × above 0, 0.1 × weekly, monthly
SPEC = load_strategy(ROOT / "strategies" / "supply_chain_excess.py")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, 2), "int64"),
        ((1, 2.5), "double"),
        ((True, False), "bool"),
        (("weekly", "monthly"), "string"),
        ((date(2024, 1, 2), date(2024, 1, 3)), "date32[day]"),
        ((("NVDA", "AMD"), ()), "string"),
        ((1, "local"), "string"),
        ((2**70, 1), "double"),
    ],
)
def test_a_field_is_a_column_of_its_values_type(values, kind):
    column = typed_column(values)
    assert str(column.type) == kind
    assert len(column) == len(values)
    if kind != "string":
        assert column.to_pylist() == list(values)


def test_a_list_is_text_with_commas():
    assert typed_column((("NVDA", "AMD"), ())).to_pylist() == ["NVDA, AMD", ""]


def test_the_columns_of_settings_are_their_values():
    fields = {"lag": (1, 2, 3), "rebalance": ("weekly", "monthly"), "weights.above": (0.0, 0.1), "slippage_bps": (5, 5.0)}
    settings = Settings(SPEC, Grid(fields))
    numbers = np.array([11, 0, 7, 7])
    columns = {name: settings.column(name, numbers) for name in fields}
    assert [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] == [
        dict(settings.setting(int(number))) for number in numbers
    ]


COMPARED = (
    Compared("median", {"whole": WindowFigures(0.1, 0.5, 0.2, 0.6, -0.1)}),
    Compared("benchmark", {"whole": WindowFigures(0.3, float("nan"))}, "159915.SZ"),
)


def summary_of(**changes):
    figures = {"whole": WindowFigures(0.5, 1.2), "23Q2": WindowFigures(0.0, float("nan"))}
    best = BestSetting(3, "0" * 16, "leaders", {"lag": 2, "start": date(2024, 1, 2)}, 242, "a.parquet", figures)
    statistics = SearchStatistics(
        Refused("12 observations; expected at least 30", 12),
        Overfit(0.1, 0.2, float("nan"), 924, 12, 300, 168),
        Refused("values never vary", 40),
        None,
        MinimumLength(None, 3.4),
        Deflated(0.2, 0.1, 0.13, 0.4, 5.0, 30, 168),
        curves=7,
        twins=TwinStatistics(
            spa=Superior(0.85, 0.84, 0.86, 5, 168),
            deflated_sharpe=Refused("no setting differs from its twin over 30 returns", 168),
            deflated_sharpe_curves=Deflated(0.3, 0.05, 0.06, 0.4, 5.0, 20, 168),
            best="1" * 16,
            beating=0.25,
            richer=0.072,
            idle=0.5,
        ),
    )
    return replace(
        SweepSummary("example", 12, best, statistics, 40, 50, {"code": "c0"}, "capex-backtest", compared=COMPARED), **changes
    )


def test_the_document_of_a_sweep_comes_back_as_it_was():
    document = json.loads(to_json(sweep_document(summary_of())))
    assert list(document)[:2] == ["schema", "strategy"]
    assert document["schema"] == 2
    assert (document["deflated_sharpe"], document["pbo"], document["spa_p"]) == (None, 0.1, None)
    back = read_summary(document)
    assert (document["curves"], document["spa_p_against_twins"], document["beating_twin"]) == (7, 0.85, 0.25)
    assert back.statistics.twins == summary_of().statistics.twins
    assert back.best.setting == {"lag": 2, "start": "2024-01-02"}
    assert np.isnan(back.best.windows["23Q2"].sharpe)
    assert json.loads(to_json(sweep_document(back))) == document


def test_a_sweep_with_a_tag_has_a_folder_of_its_own_beside_the_other_and_both_are_linked(tmp_path):
    for tag in (None, "fine-grid"):
        options = SweepOptions(Path("example.py"), Path("grid.toml"), tmp_path, "", tag=tag)
        folder = options.folder("example")
        folder.mkdir(parents=True)
        (folder / "result.json").write_bytes(sealed_json(sweep_document(summary_of())))
        (folder / "index.html").write_text("", encoding="utf-8")
    publish_index(tmp_path, render_index)
    front = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="sweeps/example/index.html"' in front
    assert 'href="sweeps/example--fine-grid/index.html"' in front
    with pytest.raises(ConfigurationError, match="--tag is 'a/b'; expected up to 40"):
        SweepOptions(Path("example.py"), Path("grid.toml"), tmp_path, "", tag="a/b")


SCHEMA = json.loads((Path(backtest.__file__).parent / "output" / "sweep.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("twins", ["given", "refused"])
def test_the_schema_of_a_sweep_describes_its_document_all_of_it(twins):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    summary = summary_of(expectations=(Outcome("spa p", "at most 0.05", float("nan"), False),))
    if twins == "refused":
        summary = replace(summary, statistics=replace(summary.statistics, twins=Refused("no signal", 0)))
    document = json.loads(sealed_json(sweep_document(summary)))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    for path, value in ((("curves",), "7"), (("surprise",), 1), (("best", "windows", "whole", "difference"), "high")):
        changed = json.loads(json.dumps(document))
        part = changed
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = value
        assert not VALIDATOR.is_valid(changed), path


def test_a_sweep_of_0_1_0_is_left_out_of_the_front_page_in_a_line_that_says_what_to_do(tmp_path, capsys):
    folder = tmp_path / "sweeps" / "supply_chain_excess"
    folder.mkdir(parents=True)
    shutil.copy(OLD / "result.json", folder)
    (folder / "index.html").write_text("page", encoding="utf-8")
    publish_index(tmp_path, render_index)
    (line,) = capsys.readouterr().err.splitlines()
    assert "a sweep of schema 1; expected schema 2: run the sweep again" in line


def result_like(table):
    """Return a result whose figures are those of a baseline of 0.1.0, with typed columns in place of its text."""
    settings = pd.DataFrame([json.loads(text) for text in table["setting"]])
    typed = pd.concat([table.drop(columns="setting"), settings], axis=1)
    return SweepResult(summary_of(identities={"code": "new"}), typed, tuple(settings), ())


def test_a_baseline_of_0_1_0_is_read_and_compared():
    table, identities = drift.read(OLD / "settings.parquet")
    assert len(table) == 16
    assert set(identities) == {"code", "rules", "data", "dependencies"}
    result = result_like(table)
    assert drift.check(result, OLD / "settings.parquet", 1e-9) == ["code", "rules", "data", "dependencies"]
    moved = result.table.assign(**{"sharpe whole": result.table["sharpe whole"].where(result.table.index != 5, 9.0)})
    with pytest.raises(DriftError, match=r"1 of 16 settings drifted; sharpe whole of lag 1, .* is 9; blame: code and rules"):
        drift.check(replace(result, table=moved), OLD / "settings.parquet", 1e-9)


def test_a_baseline_comes_back_with_its_types(tmp_path):
    table = pd.DataFrame({"spec_id": ["a"], "book": ["b"], "lag": [2], "weights.above": [0.1], "sharpe whole": [1.5]})
    drift.write(table, {"code": "c0"}, tmp_path / "settings.parquet")
    back, identities = drift.read(tmp_path / "settings.parquet")
    pd.testing.assert_frame_equal(back, table)
    assert identities == {"code": "c0"}


def test_a_baseline_of_a_later_version_is_refused(tmp_path, monkeypatch):
    table = pd.DataFrame({"spec_id": ["a"], "book": ["b"]})
    monkeypatch.setattr(drift, "SCHEMA", 3)
    drift.write(table, {"code": "c0"}, tmp_path / "settings.parquet")
    monkeypatch.undo()
    with pytest.raises(DataError, match="a baseline of schema 3; expected at most 2: write it with this version's sweep"):
        drift.read(tmp_path / "settings.parquet")


def test_a_parquet_file_that_is_no_baseline_is_refused(tmp_path):
    shutil.copy(OLD / "chunk.parquet", tmp_path / "settings.parquet")
    with pytest.raises(DataError, match=r"not a baseline .*; expected the settings.parquet of a sweep"):
        drift.read(tmp_path / "settings.parquet")


def test_a_chunk_of_0_1_0_is_whole_but_refused_in_a_line_that_says_what_to_do():
    assert sealed_parquet.is_whole(OLD / "chunk.parquet")
    with pytest.raises(DataError, match="a chunk of another version; delete it and --resume"):
        chunks.read(chunks.Chunk(np.array([0]), OLD / "chunk.parquet", 0))


@pytest.mark.parametrize(("fill", "count"), [(("close", "open"), 1), (("close",), 0)])
def test_a_sweep_with_fills_at_opens_says_which_names_have_closes_alone(archive, fill, count):
    settings = Settings(SPEC, Grid({"fill": fill, "lag": (1, 2)}))
    whole = Window("whole", day("2026-01-05"), day("2026-07-31"), day("2025-07-23"))
    notes = open_notes(settings, archive.prices, archive.thesis.universe, whole)
    assert [note[:9] for note in notes] == ["300394.SZ"] * count
    if notes:
        assert "has a close and no open on 7 session(s), 2026-07-23 to 2026-07-31" in notes[0]


def test_a_ledger_of_trials_of_0_1_0_opens_counts_and_takes_in_more(tmp_path):
    shutil.copy(OLD / "trials.sqlite", tmp_path)
    ledger = Trials(tmp_path / "trials.sqlite")
    assert ledger.count("supply_chain_excess") == 16
    ledger.note("supply_chain_excess", "other data", ["0" * 16])
    assert ledger.count("supply_chain_excess") == 17
    mine = Trials(tmp_path / "mine.sqlite")
    mine.merge(OLD / "trials.sqlite")
    assert mine.count("supply_chain_excess") == 16
