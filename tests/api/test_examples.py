"""The examples in the docstrings of the API are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from backtest import api

MODULES = [module.name for module in pkgutil.iter_modules(api.__path__, "backtest.api.")]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(import_module(name)).failed == 0
