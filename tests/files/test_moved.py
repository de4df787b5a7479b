"""A strategy of 0.1.0 is told in one line what to change."""

import importlib
import importlib.util

import pytest

from backtest.errors import StrategyError
from backtest.files.moved import MOVED
from backtest.strategy import load_strategy


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("from backtest.spec import StrategySpec", "backtest.spec is backtest.strategy since 0.2.0; change the import"),
        ("import backtest.engine", "backtest.engine is backtest.decisions since 0.2.0; change the import"),
        ("import backtest.run", "backtest.run is backtest.runs since 0.2.0; change the import"),
        ("from backtest.audit.leaks import leak_budget", "backtest.audit is backtest.audits since 0.2.0; change the import"),
        (
            "from backtest.data.reference import x",
            "backtest.data.reference is backtest.data.sources.reference since 0.2.0; change the import",
        ),
        ("from backtest.claims import load_claims", "backtest.claims is backtest.claims.ledger since 0.2.0; change the import"),
    ],
)
def test_an_import_of_a_module_that_moved_is_refused_with_file_line_and_new_name(tmp_path, line, words):
    (tmp_path / "old.py").write_text(f'"""A strategy."""\n\n{line}\n', encoding="utf-8")
    with pytest.raises(StrategyError) as caught:
        load_strategy(tmp_path / "old.py")
    assert str(caught.value) == f"old.py line 3: {words}"


def test_a_wrong_name_in_a_module_that_is_where_it_was_keeps_its_own_message(tmp_path):
    (tmp_path / "old.py").write_text("from backtest.claims.ledger import nothing\n", encoding="utf-8")
    with pytest.raises(StrategyError, match="ImportError: cannot import name 'nothing'"):
        load_strategy(tmp_path / "old.py")


def test_an_import_of_what_never_was_keeps_its_own_message(tmp_path):
    (tmp_path / "old.py").write_text("import backtest.spex\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"old.py line 1: ModuleNotFoundError: No module named 'backtest.spex'"):
        load_strategy(tmp_path / "old.py")


@pytest.mark.parametrize("old", MOVED)
def test_every_new_name_is_a_module_and_no_old_one_is(old):
    importlib.import_module(f"backtest.{MOVED[old]}")
    still_folders = ("claims", "data.reference")
    spec = importlib.util.find_spec(f"backtest.{old}")
    assert old in still_folders or spec is None or spec.origin is None  # a folder of a clone that has nothing but old bytecode
