"""The package as others install it: a wheel in a folder that cannot be written, run from an empty folder without a home."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STRATEGIES = sorted(path.stem for path in (ROOT / "strategies").glob("*.py"))
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def installed(site, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed") / "site"
    shutil.copytree(site, target)
    for folder in (target / "backtest", target / "backtest" / "statistics"):
        (folder / "__pycache__").write_text("no folder can be made here", encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def ran(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "BACKTEST", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-m", "backtest", "run", "all", "--start", "2025-07-01"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(installed), "HOME": "/dev/null"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return folder, done


def is_data(path):
    return path.is_file() and "__pycache__" not in path.parts


def test_a_wheel_has_every_module_table_strategy_and_grid_of_the_sources(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "backtest").rglob("*.py")}
    shipped = [*(ROOT / "strategies").glob("*.py"), *(ROOT / "sweeps").glob("*.toml")]
    sources |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "backtest").rglob("*") if is_data(path)}
    assert {"capex_backtest.py", "backtest/py.typed"} <= names
    assert sources | {f"backtest/thesis/interconnect/{path.parent.name}/{path.name}" for path in shipped} <= names


def test_an_installed_package_runs_all_strategies_where_nothing_can_be_cached(ran):
    _, done = ran
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_an_installed_package_writes_reports_in_the_working_folder(ran):
    folder, _ = ran
    assert sorted(path.name for path in folder.iterdir()) == ["reports"]
    assert sorted(path.name for path in (folder / "reports").iterdir() if path.is_dir()) == STRATEGIES


def test_no_report_lands_beside_an_installed_package(ran, installed):
    assert not (installed / "reports").exists()
