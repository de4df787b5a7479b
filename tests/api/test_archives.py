"""An archive that was opened once stands for what it was opened from: other data, or prices that moved since, are refused."""

import pandas as pd
import pytest
from support.theses import write_thesis

import backtest as bt
from backtest.data.archive import narrowed
from backtest.errors import DataError


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A thesis of one's own, its archive opened by a path relative to the working folder, and its strategy."""
    home = write_thesis(tmp_path / "mine")
    monkeypatch.chdir(home)
    thesis = bt.load_thesis(home)
    return home, bt.load_archive(thesis, prices="prices"), bt.load_strategy(home / "strategies" / "strong_cables.py", thesis)


def test_a_run_reads_the_folder_that_was_opened_wherever_the_process_has_gone(opened, monkeypatch, tmp_path):
    home, archive, spec = opened
    monkeypatch.chdir(tmp_path)
    one = bt.run(spec, archive)
    monkeypatch.chdir(home)
    assert one.data_id == bt.run(spec, bt.load_archive(archive.thesis, prices="prices")).data_id


def test_prices_that_moved_since_they_were_opened_are_refused(opened):
    home, archive, _ = opened
    path = home / "prices" / "AAA.csv"
    table = pd.read_csv(path)
    quotes = ["open", "high", "low", "close", "adj_close"]
    table.loc[len(table) // 2 :, quotes] = (table.loc[len(table) // 2 :, quotes] * 1.01).round(4)
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"prices: the prices of AAA on \d{4}-\d\d-\d\d have moved since the archive was opened"):
        narrowed(archive, ["AAA", "BBB"])


@pytest.mark.slow
def test_an_audit_on_other_data_than_the_run_s_is_refused(opened):
    home, archive, spec = opened
    result = bt.run(spec, archive)
    table = home / "facts" / "figures.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",108,", ",107,", 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"strong_cables: the data of the archive are [\w-]+; expected those of the run, [\w-]+"):
        bt.audit(result, bt.load_archive(archive.thesis, prices="prices"), seconds=0.0)
    assert bt.audit(result, archive, seconds=0.0).replay.decisions > 2
