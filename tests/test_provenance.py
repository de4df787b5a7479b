"""The code id covers every file that a strategy executes or reads, wherever it lies, and no other."""

import shutil
import sys

import pandas as pd
import pytest

from backtest import provenance
from backtest.audits.cache import path_of
from backtest.decisions import scores_of
from backtest.errors import DataError
from backtest.output.compare import compare
from backtest.output.document import to_document
from backtest.runs import run
from backtest.strategy import load_strategy

pytestmark = pytest.mark.slow

STRATEGY = """
from dataclasses import dataclass
import pandas as pd
from backtest.signals import SUPPLY_CHAIN
from backtest.strategy import build_spec
from backtest.weights import Gate
{at_import}

@dataclass(frozen=True)
class Mine:
    def __call__(self, panel):
        {in_call}
        return pd.Series([1.0], index=[SUPPLY_CHAIN])

SPEC = build_spec(name="mine", title="t", question="q", baskets=("leaders",), signals=(Mine(),), weights=Gate())
"""
BY_PATH = """
import importlib.util, pathlib
_spec = importlib.util.spec_from_file_location("by_path_", pathlib.Path(__file__).with_name("borrowed_rows.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
"""
WAYS = {
    "imported": ("import borrowed_rows", "pass"),
    "imported from": ("from borrowed_rows import VALUE", "pass"),
    "imported when called": ("", "import borrowed_rows"),
    "imported by name": ("import importlib", 'importlib.import_module("borrowed_" + "rows")'),
    "loaded by path": (BY_PATH, "pass"),
    "executed": ("import pathlib", 'exec(pathlib.Path(__file__).with_name("borrowed_rows.py").read_text())'),
    "opened": ("import pathlib", 'pathlib.Path(__file__).with_name("borrowed_rows.py").read_text()'),
    "read as a table": ("import pathlib", 'pd.read_csv(pathlib.Path(__file__).with_name("borrowed_rows.py"))'),
}


@pytest.fixture
def code_id(monkeypatch, archive):
    """Return the code id of a strategy file after its signal has been called once."""

    def found(path):
        sys.modules.pop("borrowed_rows", None)
        monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
        spec = load_strategy(path)
        for signal in spec.signals:
            scores_of(signal, archive.as_of(pd.Timestamp("2025-03-03T12:00Z")))
        return provenance.code_id(spec.files)

    yield found
    sys.modules.pop("borrowed_rows", None)


def written(folder, at_import="", in_call="pass", rows="VALUE = 1\n"):
    folder.mkdir(exist_ok=True)
    (folder / "borrowed_rows.py").write_text(rows, encoding="utf-8")
    (folder / "mine.py").write_text(STRATEGY.format(at_import=at_import, in_call=in_call), encoding="utf-8")
    return folder / "mine.py"


@pytest.mark.parametrize("way", WAYS)
def test_a_file_beside_the_strategy_counts_however_it_is_read(way, code_id, tmp_path):
    before = code_id(written(tmp_path / "one", *WAYS[way]))
    assert code_id(written(tmp_path / "two", *WAYS[way], rows="VALUE = 2\n")) != before
    assert code_id(written(tmp_path / "three", *WAYS[way])) == before


def test_a_file_that_the_strategy_does_not_read_does_not_count(code_id, tmp_path):
    before = code_id(written(tmp_path / "one"))
    assert code_id(written(tmp_path / "two", rows="VALUE = 2\n")) == before


def test_what_an_imported_file_imports_counts(code_id, tmp_path):
    found = []
    for name, value in (("one", 1), ("two", 2)):
        path = written(tmp_path / name, "import borrowed_rows", rows="from package_of_rows import deeper\n")
        (path.parent / "package_of_rows").mkdir()
        (path.parent / "package_of_rows" / "__init__.py").write_text("", encoding="utf-8")
        (path.parent / "package_of_rows" / "deeper.py").write_text("from .rows import VALUE\n", encoding="utf-8")
        (path.parent / "package_of_rows" / "rows.py").write_text(f"VALUE = {value}\n", encoding="utf-8")
        found.append(code_id(path))
        for module in [one for one in sys.modules if one.startswith("package_of_rows")]:
            del sys.modules[module]
    assert found[0] != found[1]


def test_the_strategy_s_own_file_counts_and_its_folder_does_not(code_id, tmp_path):
    path = written(tmp_path / "one")
    before = code_id(path)
    assert code_id(shutil.copytree(tmp_path / "one", tmp_path / "moved") / "mine.py") == before
    path.write_text(path.read_text(encoding="utf-8").replace("[1.0]", "[2.0]"), encoding="utf-8")
    assert code_id(path) != before


def test_a_shipped_strategy_s_id_is_not_changed_by_another_one():
    spec = load_strategy(provenance.PACKAGE.parent / "strategies" / "theme_baskets.py")
    assert [path.name for path in provenance.files_of(spec.files)] == ["theme_baskets.py"]


def test_a_file_that_changes_after_it_was_loaded_is_refused_by_name(code_id, tmp_path):
    path = written(tmp_path / "one", "import borrowed_rows")
    code_id(path)
    spec = load_strategy(path)
    (tmp_path / "one" / "borrowed_rows.py").write_text("VALUE = 3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"borrowed_rows\.py: changed after it was loaded; expected a file that stays as it is"):
        provenance.code_id(spec.files)


def test_a_strategy_from_elsewhere_that_was_edited_has_another_audit_and_differs_in_a_comparison(archive, tmp_path):
    path = written(tmp_path / "one")
    before = run(load_strategy(path), archive)
    path.write_text(path.read_text(encoding="utf-8").replace("pass", "ahead = 5"), encoding="utf-8")
    after = run(load_strategy(path), archive)
    assert (before.spec_id, before.data_id) == (after.spec_id, after.data_id)
    assert path_of(before) != path_of(after)
    assert set(compare(to_document(before), to_document(after))["identities"]) == {"code_id"}
