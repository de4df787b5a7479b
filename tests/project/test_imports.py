"""Imports point down only, and each heavy library has one home: both read from the import statements."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "backtest"

# Lowest first. A module may import those of a lower layer and those of its own folder.
LAYERS = [
    {"clock", "errors", "formatting", "plots", "text"},
    {"files"},
    {"statistics"},
    {"calendars"},
    {"facts", "markets"},
    {"provenance"},
    {"guard"},
    {"prices"},
    {"universe"},
    {"thesis"},
    {"execution", "known_rows"},
    {"panel"},
    {"data"},
    {"signals"},
    {"analysis", "claims", "weights"},
    {"strategy"},
    {"decisions", "result"},
    {"runs"},
    {"audits"},
    {"sweeps"},
    {"report"},
    {"output"},
    {"api"},
    {"cli"},
    {"__main__"},
]
ONLY = {
    "statistics": {"errors", "files"},
    "data": {
        "calendars",
        "clock",
        "errors",
        "execution",
        "facts",
        "files",
        "markets",
        "panel",
        "prices",
        "provenance",
        "thesis",
        "universe",
    },
}
HOMES = {
    "vectorbt": ("execution/engine.py", "execution/portfolio.py"),
    "vectorbt_rust": ("execution/engine.py",),
    "numba": ("files/numba_cache.py",),
    "matplotlib": ("plots/",),
    "statsmodels": ("statistics/",),
    "arch": (),
    "yfinance": ("data/",),
    "httpx": ("data/",),
    "dask": ("sweeps/",),
    "distributed": ("sweeps/",),
}
USERS = ("thesis/*/*/*.py", "cli/template/*/*.py")  # a thesis's own code is a user's, and so is what `new` writes
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if not any(map(path.match, USERS))]
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in MODULES}


def imported(source, file):
    """Return every dotted name a file imports, wherever in the file, relative ones resolved."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["backtest", *file.split("/")[:-1]]
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [f"{module}.{alias.name}" for alias in node.names]
    return found


def module_of(file):
    """Return the module or folder right under backtest/ that a file belongs to."""
    return file.split("/")[0].removesuffix(".py")


def check_homes(sources):
    for file, source in sources.items():
        for name in imported(source, file):
            homes = HOMES.get(name.split(".")[0], ("",))
            at_home = any(file == home or (file.startswith(home) and home[-1:] in ("", "/")) for home in homes)
            assert at_home, f"{file} imports {name}, whose home is {' or '.join(homes)}"


def check_directions(sources):
    rank = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    for file, source in sources.items():
        own = module_of(file)
        if own == "__init__":
            continue
        assert own in rank, f"{file} has no layer: put {own} in LAYERS"
        ours = [name.split(".")[1] for name in imported(source, file) if name.startswith("backtest.")]
        for name in (name for name in ours if name != own):
            assert name in rank, f"{file} imports {name}, which has no layer"
            assert rank[name] < rank[own], f"{file} imports {name}, which is not below it"
            assert name in ONLY.get(own, {name}), f"{file} imports {name}; {own} may import {sorted(ONLY[own])}"


def data_layer(name):
    """Return where a dotted name or file of backtest.data stands: 0 checks and tables, 1 sources, 2 the store, 3 the archive."""
    parts = name.removeprefix("backtest.").removesuffix(".py").replace("/", ".").split(".")
    return {"sources": 1, "store": 2, "archive": 3}.get(parts[1] if len(parts) > 1 else "", 0)


def check_data(sources):
    for file in (file for file in sources if module_of(file) == "data"):
        for name in (name for name in imported(sources[file], file) if name.startswith("backtest.data.")):
            assert data_layer(name) <= data_layer(file), f"{file} imports {name}, which is above it"


def test_within_data_sources_know_no_store_and_checks_know_no_source():
    check_data(SOURCES)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("data/sources/yahoo.py", "from backtest.data.store.append_only import Store"),
        ("data/price_checks.py", "from backtest.data.sources.folder import load_prices"),
        ("data/store/pull.py", "from backtest.data import archive"),
    ],
)
def test_an_import_that_points_up_within_data_is_caught(file, source):
    with pytest.raises(AssertionError, match=f"{file} imports .* above it"):
        check_data({file: source})


def test_each_heavy_library_is_imported_in_its_home_only():
    check_homes(SOURCES)


def test_imports_point_down_only():
    check_directions(SOURCES)


def test_the_files_are_found():
    assert {"decisions.py", "signals/momentum.py", "data/sources/reference.py", "__main__.py"} <= set(SOURCES)


def test_vectorbt_has_a_home_that_uses_it():
    assert any(name.startswith("vectorbt_rust.") for name in imported(SOURCES["execution/engine.py"], "execution/engine.py"))


def test_no_module_is_on_two_layers():
    names = [name for layer in LAYERS for name in layer]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("runs.py", "import vectorbt"),
        ("runs.py", "import vectorbt as vbt"),
        ("runs.py", "from vectorbt.portfolio import enums"),
        ("execution/simulator.py", "from vectorbt_rust import portfolio"),
        ("signals/momentum.py", "def f():\n    import matplotlib.pyplot as plt"),
        ("runs.py", "try:\n    from arch import bootstrap\nexcept ImportError:\n    pass"),
        ("report/charts/canvas.py", "from statsmodels.api import OLS"),
        ("signals/momentum.py", "import os, yfinance"),
        ("decisions.py", "import httpx"),
        ("decisions.py", "from dask.distributed import Client"),
        ("execution/fast.py", "import vectorbt"),
    ],
)
def test_a_library_out_of_its_home_is_caught(file, source):
    with pytest.raises(AssertionError, match=f"{file} imports .* home is"):
        check_homes({file: source})


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("facts.py", "from backtest.panel import Panel"),
        ("facts.py", "from backtest import panel"),
        ("facts.py", "import backtest.panel"),
        ("facts.py", "from . import panel"),
        ("facts.py", "from .panel import Panel"),
        ("signals/momentum.py", "from ..decisions import decide"),
        ("signals/momentum.py", "def f():\n    from backtest.decisions import decide"),
        ("panel.py", "if TYPE_CHECKING:\n    from backtest.signals import Signal"),
        ("prices.py", "from backtest.data import folder"),
        ("data/sources/reference.py", "from backtest.decisions import decide"),
        ("statistics/performance.py", "from backtest.calendars import closes"),
        ("weights.py", "from backtest.claims.measures import ratio"),
    ],
)
def test_an_import_that_does_not_point_down_is_caught(file, source):
    with pytest.raises(AssertionError, match=f"{file} imports "):
        check_directions({file: source})


def test_a_module_nobody_has_given_a_layer_is_caught():
    with pytest.raises(AssertionError, match=r"helpers.py has no layer"):
        check_directions({"helpers.py": ""})


@pytest.mark.parametrize(
    "source",
    ["from backtest.facts import Fact", "from .token_anchor import TokenAnchor", "import pandas", "from backtest import panel"],
)
def test_an_import_that_points_down_or_stays_in_its_folder_is_let_pass(source):
    check_directions({"signals/new_one.py": source})


def loaded_by(code):
    """Return the top-level names of every module in a fresh process after some code."""
    program = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return set(ran.stdout.split())


@pytest.mark.process
def test_neither_signals_nor_figures_load_a_simulator_or_a_plotting_library():
    loaded = loaded_by(
        "from backtest.signals import load_signals\nfrom backtest.thesis import load_thesis; load_signals(load_thesis())\n"
        "from backtest.data.sources.reference import load_facts; load_facts()"
    )
    assert {"backtest", "pandas", "pandera"} <= loaded
    assert loaded & {"vectorbt", "numba", "matplotlib", "statsmodels", "arch", "yfinance", "dask"} == set()


@pytest.mark.process
def test_the_process_test_sees_what_is_loaded():
    assert "wave" in loaded_by("import wave")


def graph_of(sources):
    """Return the modules of this package that each file imports, in functions too; a package's name stands for its __init__."""
    modules = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in sources}
    graph = {}
    for module, file in modules.items():
        names = [name.removeprefix("backtest.") for name in imported(sources[file], file) if name.startswith("backtest.")]
        graph[module] = {next((one for one in (name, name.rpartition(".")[0]) if one in modules), module) for name in names} - {
            module
        }
    return graph


def circle_in(graph):
    """Return modules that import each other in a circle, or None."""
    done = set()

    def walked(module, path):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        circle = next((circle for below in sorted(graph[module]) if (circle := walked(below, [*path, module]))), None)
        done.add(module)
        return circle

    return next((circle for module in sorted(graph) if (circle := walked(module, []))), None)


def test_no_modules_import_each_other_in_a_circle():
    assert circle_in(graph_of(SOURCES)) is None


def test_a_circle_is_caught_wherever_the_imports_stand():
    planted = {"a.py": "from backtest.b.c import x", "b/__init__.py": "", "b/c.py": "def f():\n    from backtest import a"}
    assert circle_in(graph_of(planted)) == ["a", "b.c", "a"]


def test_the_top_of_the_package_can_be_read_at_a_glance():
    assert len([file for file in SOURCES if "/" not in file]) <= 16


def test_no_test_module_imports_another():
    tests = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.parent.joinpath("tests").rglob("*.py"))}
    modules = {path.stem for path in tests if path.stem.startswith("test_")}
    named = {
        path.stem: {part for name in imported(source, path.name) for part in name.split(".")} for path, source in tests.items()
    }
    assert {stem: sorted(parts & modules) for stem, parts in named.items() if parts & modules} == {}


def test_every_package_of_the_sources_is_installed_with_the_wheel():
    packages = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = [path.parent.relative_to(ROOT.parent) for path in ROOT.rglob("__init__.py") if "template" not in path.parts]
    assert sorted({".".join(folder.parts) for folder in folders} - set(packages)) == []
