"""Another package of the import name `backtest`: the command says so in one line, whichever was installed last."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import capex_backtest
from backtest import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages with ours in it, the first that Python looks into."""
    folder = tmp_path / "site"
    package(folder, "capex-backtest")
    monkeypatch.setattr(capex_backtest, "__file__", str(folder / "capex_backtest.py"))
    monkeypatch.syspath_prepend(folder)
    return folder


def package(folder, distribution):
    """Put a package `backtest` into a folder, as the installation of a distribution does."""
    (folder / "backtest").mkdir(parents=True, exist_ok=True)
    (folder / "backtest" / "__init__.py").write_text(f"# of {distribution}\n", encoding="utf-8")
    (folder / f"{distribution.replace('-', '_')}-1.0.dist-info").mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    (folder / f"{distribution.replace('-', '_')}-1.0.dist-info" / "METADATA").write_text(metadata, encoding="utf-8")


def refused(capsys):
    """Return the line that the command ends in."""
    with pytest.raises(SystemExit) as end:
        capex_backtest.main()
    out, errors = capsys.readouterr()
    assert (end.value.code, out, errors.count("\n")) == (2, "", 1)
    return errors


def test_nothing_is_in_the_way_of_our_package_alone(site):
    assert capex_backtest.clash(site) == ""


def test_a_package_that_python_finds_before_ours_is_named(site, tmp_path, monkeypatch, capsys):
    package(tmp_path / "other", "backtest")
    monkeypatch.syspath_prepend(tmp_path / "other")
    file = tmp_path / "other" / "backtest" / "__init__.py"
    assert f"error: 'import backtest' finds {file}, not the package of capex-backtest in {site}; expected" in refused(capsys)


def test_a_folder_without_modules_that_python_finds_before_ours_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(capex_backtest, "__file__", str(tmp_path / "clone" / "capex_backtest.py"))
    (tmp_path / "other" / "backtest").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "other")])
    assert f"finds {tmp_path / 'other' / 'backtest'}, not" in refused(capsys)


def test_two_packages_in_one_folder_are_named_whichever_came_last(site, capsys):
    package(site, "backtest")
    assert f"the distributions 'backtest' and 'capex-backtest' both have files in {site / 'backtest'}" in refused(capsys)
    assert "pip uninstall --yes backtest capex-backtest && pip install capex-backtest" in capex_backtest.ADVICE


def test_a_package_that_python_finds_after_ours_does_no_harm(site, tmp_path, monkeypatch):
    package(tmp_path / "other", "backtest")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "other")])
    assert capex_backtest.clash(site) == ""


@pytest.mark.process
@pytest.mark.parametrize("start", [["-m", "backtest"], [str(Path(sys.executable).parent / "capex-backtest")]])
def test_the_script_and_the_module_are_one_command_of_one_name(start):
    done = subprocess.run([sys.executable, *start, "--version"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"capex-backtest {__version__}\n", "")


def test_the_command_is_a_module_that_no_other_package_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"capex-backtest": "capex_backtest:main"}
    assert project["tool"]["setuptools"]["py-modules"] == ["capex_backtest"]
