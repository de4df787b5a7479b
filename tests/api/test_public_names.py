"""The names of `import backtest`: loaded when first read, and none hidden by a module."""

import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

import backtest
from backtest.errors import ConfigurationError

MODULES = {"errors", "signals", "weights"}
FUNCTIONS = sorted(name for name in backtest.__all__ if inspect.isfunction(getattr(backtest, name)))
NOT_IMPORTED = ("cli.run_preload", "sweeps.preload", "__main__")  # which do their work when they are imported


@pytest.fixture
def every_module():
    """Every module of the package, imported after every public name was forgotten."""
    for name in backtest.__all__:
        backtest.__dict__.pop(name, None)
    names = [module.name for module in pkgutil.walk_packages(backtest.__path__, "backtest.")]
    return [import_module(name) for name in names if not name.endswith(NOT_IMPORTED)]


def test_there_are_about_twenty_names():
    assert len(backtest.__all__) == len(set(backtest.__all__))
    assert 18 <= len(backtest.__all__) <= 24
    assert {*backtest.__all__} <= {*dir(backtest)}


def test_no_name_is_hidden_by_a_module(every_module):
    top = {module.__name__.split(".")[1] for module in every_module}
    assert {*backtest.__all__} & top == MODULES
    for name in backtest.__all__:
        assert isinstance(getattr(backtest, name), ModuleType) == (name in MODULES)


def test_every_function_can_be_called_after_every_module_was_imported(every_module):
    """Called with an argument that it does not have, each says so itself."""
    assert len(FUNCTIONS) == 12
    for name in FUNCTIONS:
        with pytest.raises((TypeError, ConfigurationError), match=rf"^({name}\(\) got an unexpected keyword|strategy : name)"):
            getattr(backtest, name)(nothing=1)


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'backtest' has no attribute 'backtest_everything'"):
        backtest.backtest_everything  # noqa: B018


@pytest.mark.process
def test_an_import_loads_nothing_but_the_package_and_names_load_what_they_need():
    program = (
        "import sys; before = set(sys.modules); import backtest; dir(backtest)\n"
        "print(*sorted(set(sys.modules) - before))\n"
        "backtest.errors; print(*sorted(set(sys.modules) - before))\n"
        "backtest.load_strategy; print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported, errors, strategies = (set(line.split()) for line in ran.stdout.splitlines())
    assert {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names} == {"backtest"}
    assert {name for name in errors if name.split(".")[0] not in sys.stdlib_module_names} == {"backtest", "backtest.errors"}
    assert "pandas" in strategies
    assert strategies & {"vectorbt", "numba", "matplotlib", "statsmodels", "arch", "yfinance", "dask", "typer"} == set()
