"""The package as others install it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.compiled import compiled_as_here

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(made_once, tmp_path_factory):
    """The wheel, built from a copy of the sources without a network."""

    def built():
        source = tmp_path_factory.mktemp("source")
        for name in ("backtest", "strategies", "sweeps"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE", "capex_backtest.py"):
            shutil.copy(ROOT / name, source / name)
        code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(source)], cwd=source, check=True, capture_output=True)
        return next(source.glob("*.whl"))

    return made_once("wheel", built)


@pytest.fixture(scope="session")
def site(wheel, tmp_path_factory):
    """A folder of installed packages with the wheel in it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    with compiled_as_here(folder):
        yield folder
