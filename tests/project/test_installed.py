"""The package as others install it: a wheel in a folder that cannot be written, used from an empty folder without a home.

One process runs every command, as the package loads its libraries once and nothing compiled can be kept.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_THESIS = ROOT / "docs" / "tutorials" / "first_thesis.md"
DRIVER = """
import json, os, runpy, sys
from pathlib import Path
import blocks
from capex_backtest import main

def each(folder, lines):
    os.chdir(folder)
    for words in lines:
        sys.argv = words
        try:
            main()
        except SystemExit as end:
            print(json.dumps([" ".join(words), end.code or 0]), file=sys.stderr, flush=True)

folder, before, page, shorter, thesis, after, tries, examples = json.load(sys.stdin)
each(folder, before)
(differences,) = blocks.run_pages([Path(page)], Path(folder), shorter).values()
print(json.dumps(["page", differences]), file=sys.stderr, flush=True)
each(thesis, after)
os.chdir(tries)
for words in examples:
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
    print(json.dumps(["example", Path(words[-1]).name]), file=sys.stderr, flush=True)
"""
SHORTER = {"--audit": ["--audit-seconds", "3"], "sweep": ["--reports", "0", "--workers", "1"]}  # nothing else changes
EXAMPLES = [
    [str(ROOT / "examples" / "hello.py")],
    [str(ROOT / "tests" / "support" / "notebooks.py"), str(ROOT / "examples" / "first_idea.ipynb")],
]
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def installed(site, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed") / "site"
    shutil.copytree(site, target)
    for folder in (target / "backtest", target / "backtest" / "statistics"):
        (folder / "__pycache__").write_text("no folder can be made here", encoding="utf-8")
    return target


def words(line):
    """Return the words of a command, with the options that make it shorter."""
    said = shlex.split(line, comments=True)
    return said + [word for name in said for word in SHORTER.get(name, [])]


@pytest.fixture(scope="module")
def ran(installed, tmp_path_factory):
    """The folder in which every command ran, what each ended in, what was printed, and what the package's folder had before."""
    folder, before = tmp_path_factory.mktemp("empty"), contents(installed)
    commands = [
        "capex-backtest run multiplier --start 2025-07-01",
        "capex-backtest claims",
        "capex-backtest sweep supply_chain_excess --grid supply_chain_excess_ci --start 2025-07-01 --shard 1/9",
        "capex-backtest verify reports/multiplier",
    ]
    template = (installed / "backtest/cli/template/README.md").read_text(encoding="utf-8").splitlines()
    of_the_template = [line for line in template if "sweep " in line or "verify" in line]
    lines = [[words(line) for line in part] for part in (commands, of_the_template)]
    tries = tmp_path_factory.mktemp("tries")  # an empty folder too
    request = [str(folder), lines[0], str(FIRST_THESIS), SHORTER, str(folder / "my_thesis"), lines[1], str(tries), EXAMPLES]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "BACKTEST", "XDG"))}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    path = os.pathsep.join([str(installed), str(ROOT / "tools")])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(request),
        cwd=folder,
        env=environment | {"PYTHONPATH": path, "HOME": "/dev/null", "BACKTEST_HOME": str(tmp_path_factory.mktemp("home"))},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return folder, done, before


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def is_data(path):
    return path.is_file() and "__pycache__" not in path.parts


def test_a_wheel_has_every_module_table_strategy_and_grid_of_the_sources(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "backtest").rglob("*.py")}
    shipped = [*(ROOT / "strategies").glob("*.py"), *(ROOT / "sweeps").glob("*.toml")]
    sources |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "backtest").rglob("*") if is_data(path)}
    assert {"capex_backtest.py", "backtest/py.typed"} <= names
    assert sources | {f"backtest/thesis/interconnect/{path.parent.name}/{path.name}" for path in shipped} <= names


def test_an_installed_package_runs_every_command_where_nothing_can_be_cached(ran):
    _, done, _ = ran
    ended = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('["capex-backtest')]
    assert [command for command, code in ended if code] == [], done.stderr
    assert len(ended) == 4 + 2, done.stderr
    assert "Traceback" not in done.stderr


def test_the_examples_run_in_an_empty_folder(ran):
    _, done, _ = ran
    finished = [json.loads(line)[1] for line in done.stderr.splitlines() if line.startswith('["example"')]
    assert finished == ["hello.py", "first_idea.ipynb"], done.stderr
    assert done.stdout.count("<RunResult of strongest_theme: strongest_theme +") == 2


def test_the_tutorial_of_a_first_thesis_runs_as_it_stands(ran):
    _, done, _ = ran
    (differences,) = [json.loads(line)[1] for line in done.stderr.splitlines() if line.startswith('["page"')]
    assert differences == []


def test_an_installed_package_writes_in_the_working_folder_only(ran, installed):
    folder, _, before = ran
    assert contents(installed) == before
    assert sorted(path.name for path in folder.iterdir()) == ["cables", "my_thesis", "reports"]
    reports = [path.name for path in (folder / "reports").iterdir() if path.is_dir()]
    assert sorted(reports) == ["multiplier", "sweeps"]


def test_a_new_thesis_and_the_one_of_the_document_run_sweep_audit_and_verify(ran):
    folder, _, _ = ran
    for name, strategy in (("my_thesis", "hold_while_growing"), ("cables", "hold_makers")):
        reports = folder / name / "reports"
        assert (reports / "sweeps" / strategy / "index.html").is_file()
    document = json.loads((folder / "cables" / "reports" / "hold_makers" / "result.json").read_text(encoding="utf-8"))
    assert document["audit"]
    assert {claim["id"]: claim["verdict"] for claim in document["claims"]}["makers-grow"] == "confirmed under one reading"
    page = (folder / "cables" / "reports" / "hold_makers" / "index.html").read_text(encoding="utf-8")
    assert "Acme earns its holders more than the three together." in page
