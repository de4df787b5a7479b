"""A small version of `python tools/flip_bytes.py 400`: single bytes of a sweep's and a store's files, none used in silence."""

import importlib.util
import sys
from pathlib import Path

import pytest

from backtest.sweeps.trials import Trials

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FLIPS = 12


@pytest.fixture(scope="module")
def tool():
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("flip_bytes", ROOT / "tools" / "flip_bytes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


@pytest.fixture(scope="module")
def swept(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    return folder, tool.sweep_files(folder)


def command(tool, folder, *more):
    words = ["--grid", str(folder / "grid.toml"), "--out", str(folder / "out"), "--reports", "0", "--workers", "1"]
    tool.run_command("sweep", tool.STRATEGY, *words, *more)


def flipped(path, place=200):
    body = path.read_bytes()
    path.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    return body


def test_every_flip_in_a_sweep_is_refused_by_name(tool, swept):
    assert tool.flips(swept[1], FLIPS, tool.check_sweep) == {"refused": FLIPS}


@pytest.mark.server
def test_every_flip_in_a_store_is_refused_by_name(tool, tmp_path):
    assert tool.flips(tool.store_files(tmp_path / "home"), FLIPS, tool.check_store) == {"refused": FLIPS}


def test_a_damaged_chunk_is_named_by_merge_and_made_again_by_resume(tool, swept, capsys):
    folder, files = swept
    body, table = flipped(files[0]), files[-2].read_bytes()
    with pytest.raises(SystemExit) as end:
        command(tool, folder, "--merge")
    assert end.value.code == 3
    assert f"{files[0]}: not a readable chunk (its content is not what its hash says); delete it" in capsys.readouterr().err
    command(tool, folder, "--resume")
    assert f"{files[0]}: its content is not what its hash says; made again" in capsys.readouterr().err
    assert files[0].read_bytes() == body
    assert files[-2].read_bytes() == table


def test_a_damaged_baseline_is_named(tool, swept, tmp_path, capsys):
    folder, files = swept
    damaged = tmp_path / "settings.parquet"
    damaged.write_bytes(files[-2].read_bytes())
    flipped(damaged)
    with pytest.raises(SystemExit) as end:
        command(tool, folder, "--merge", "--baseline", str(damaged))
    assert end.value.code == 3
    assert f"{damaged}: not a readable baseline (its content is not what its hash says)" in capsys.readouterr().err


@pytest.mark.parametrize("place", [0, 24, "spec"])
def test_a_damaged_ledger_of_trials_is_one_line_by_name(place, tmp_path):
    ledger = Trials(tmp_path / "trials.sqlite")
    ledger.note("mine", "data", ["spec-one", "spec-two"])
    body = ledger.path.read_bytes()
    if place == "spec":
        ledger.path.write_bytes(body.replace(b"spec-two", b"spec-tvo"))
    elif place == 0:
        ledger.path.write_bytes(b"X" + body[1:])
    else:
        ledger.path.write_bytes(body[:100] + bytes(len(body) - 100))
    with pytest.raises(Exception, match=r"trials\.sqlite: ") as refused:
        ledger.count("mine")
    assert type(refused.value).__name__ == "DataError"
    assert "\n" not in str(refused.value)


def test_a_ledger_of_trials_from_before_hashes_is_counted_on(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "trials.sqlite") as old:
        old.execute("CREATE TABLE trials (strategy TEXT, data TEXT, spec TEXT, PRIMARY KEY (strategy, data, spec)) WITHOUT ROWID")
        old.execute("INSERT INTO trials VALUES ('mine', 'data', 'one')")
    old.close()
    ledger = Trials(tmp_path / "trials.sqlite")
    ledger.note("mine", "data", ["one", "two"])
    assert ledger.count("mine") == 2
