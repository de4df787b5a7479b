"""`new` writes a thesis that is whole or nothing, and `list` shows by name what there is."""

import json
import os
import re
from pathlib import Path

import pytest

import backtest
from backtest.__main__ import main
from backtest.cli.new import TEMPLATE
from backtest.thesis import load_thesis

ROOT = Path(__file__).parents[2]
WORKFLOW = ".github/workflows/sweep.yml"


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run a command here, in an empty folder; return its exit code, its output and its errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, errors = capsys.readouterr()
        return end.value.code or 0, out, errors

    return run


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_new_folder_has_every_file_of_the_template_and_a_thesis_of_its_name(command, tmp_path):
    code, out, _ = command("new", "My Thesis-2")
    assert (code, out.split("; ")[-1]) == (0, "next: cd My Thesis-2 && capex-backtest run all\n")
    made = load_thesis(tmp_path / "My Thesis-2")
    assert made.id == "my_thesis_2"
    assert files_below(made.folder) == [name for name in files_below(TEMPLATE) if "__pycache__" not in name]
    assert {"thesis.toml", WORKFLOW, ".gitignore", "tests/test_thesis.py"} <= set(files_below(made.folder))


@pytest.mark.parametrize(
    "kind", ["suppliers", "baskets", "benchmarks", "windows", "roles", "claims", "loadings", "hypotheses", "factors"]
)
def test_the_template_has_three_rows_of_each_kind_and_says_what_they_are(kind):
    text = (TEMPLATE / f"{kind}.toml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(re.findall(r"^\[\[\w+\]\]$", text, re.MULTILINE)) == 3


def test_an_empty_folder_is_filled_and_any_other_is_left_as_it_is(command, tmp_path):
    (tmp_path / "empty").mkdir()
    assert command("new", "empty")[0] == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link", "empty"):
        before = files_below(tmp_path)
        code, _, errors = command("new", name)
        assert code == 2
        assert (
            errors == f"error: {tmp_path / name}: is there and not empty; expected a folder that does not exist yet or is empty\n"
        )
        assert files_below(tmp_path) == before


def test_the_working_folder_itself_is_refused(command, tmp_path):
    code, _, errors = command("new", ".")
    assert code == 2
    assert errors == f"error: {tmp_path}: is the working folder; expected one that does not exist yet, beside or below it\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["2026", "...", "数据"])
def test_a_name_that_gives_no_id_is_refused(command, name, tmp_path):
    code, _, errors = command("new", name)
    assert code == 2
    assert f"new {name}: expected a folder whose name begins with a letter" in errors
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_where_the_writing_fails(command, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("backtest.cli.new.shutil.copyfile", full)
    code, _, errors = command("new", "mine")
    assert code == 3
    assert errors == "error: mine: cannot be written (No space left on device); expected a folder that can, and nothing is left\n"
    assert list(tmp_path.iterdir()) == []


def test_the_workflow_of_the_template_is_the_example_and_names_this_version():
    body = (TEMPLATE / WORKFLOW).read_bytes()
    assert body == (ROOT / "examples" / "ci" / WORKFLOW).read_bytes()
    assert set(re.findall(r"\d+\.\d+\.\d+", body.decode())) == {backtest.__version__}


def test_list_shows_what_a_new_thesis_has_by_name(command, tmp_path, monkeypatch):
    command("new", "mine")
    monkeypatch.chdir(tmp_path / "mine")
    listing = json.loads(command("list", "--json")[1])
    assert listing["thesis"] == "mine"
    assert listing["strategies"] == {"hold_while_growing": "Hold while the sellers grow"}
    assert listing["grids"] == {"hold_while_growing": "sweeps/hold_while_growing.toml"}
    assert {"momentum", "sellers_growth"} <= set(listing["signals"])
    assert set(listing["baskets"]) == {"networks", "systems", "connectors"}
    assert set(listing["claims"]) == {"sellers-rise", "foundry-rises", "suppliers-ahead"}
    assert listing["theses"][str(tmp_path / "mine")] == load_thesis(tmp_path / "mine").title
    assert all(listing["sources"].values())


def test_list_shows_in_lines_what_the_first_thesis_has_too(command):
    _, out, _ = command("list")
    listing = json.loads(command("list", "--json")[1])
    kinds = [kind for kind in listing if kind != "thesis"]
    assert [line for line in out.splitlines() if line in kinds] == kinds
    assert all(f"  {name} " in out for kind in kinds for name in listing[kind])
    assert {path.stem for path in (ROOT / "strategies").glob("*.py")} == set(listing["strategies"])
