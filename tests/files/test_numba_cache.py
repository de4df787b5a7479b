"""Compiled code goes to the user's cache folder or a temporary one, and never beside the code."""

import os
from pathlib import Path

import pytest

from backtest.files.numba_cache import ensure_cache


@pytest.fixture
def folder(monkeypatch):
    """Return a function that gives the folder numba is told to use in a given environment."""

    def told(**stated):
        for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.setenv(name, "")  # so that it is what it was after the test
            monkeypatch.delenv(name)
        for name, value in stated.items():
            monkeypatch.setenv(name, str(value))
        ensure_cache()
        return Path(os.environ["NUMBA_CACHE_DIR"])

    return told


def test_it_is_the_user_s_cache_folder(folder, tmp_path):
    assert folder(XDG_CACHE_HOME=tmp_path) == tmp_path / "capex-backtest" / "numba"


def test_without_a_folder_to_write_to_it_is_a_temporary_one(folder, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    told = folder(XDG_CACHE_HOME=tmp_path / "file")
    assert told.is_dir()
    assert tmp_path not in told.parents


def test_a_folder_that_the_user_names_is_left(folder, tmp_path):
    assert folder(NUMBA_CACHE_DIR=tmp_path / "mine") == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
