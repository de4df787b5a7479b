"""The mutation net: small faults put into the modules one at a time, and whether the tests of their area notice.

    python tools/mutants.py [--area NAME] [--seed N] [--count N] [--match TEXT] [--list]

A mutant is one edit of one line: an operator, a comparison, a constant, a side. Which are drawn depends on the seed and on
the lines themselves, not on their numbers, so that an edit elsewhere in a module draws the same mutants again. Messages,
annotations, decorators and `strict=` (a check that fires only where another line is wrong) are left alone.

Each mutant is written to a copy of the tree in a temporary directory, and those tests of its module that run its line (all
where none does, as for what numba compiles) run on it, the shortest first, until one fails, in a child of this process,
which has imported the libraries. A mutant that takes four times the processor time of all unmutated tests counts as killed.
Survivors that change nothing are in `mutants_equivalent.toml`, each with its reason.
A run over all areas writes `benchmarks/mutants.md`.
"""

import argparse
import compileall
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from mutations import AREAS, ROOT, Mutant, drawn, mutants_of

EQUIVALENT = Path(__file__).with_name("mutants_equivalent.toml")
REPORT = ROOT / "benchmarks" / "mutants.md"
SEED, COUNT = 20250723, 160
UNEXPLAINED = "**no test notices, no reason given**"
SPARE_SECONDS, LONGEST = 30, 3600  # of processor time beyond four times the baseline's; of wall time, for a child that sleeps
LIBRARIES = ("numpy", "pandas", "pandera.pandas", "vectorbt", "numba", "statsmodels.api", "scipy.stats", "httpx",
             "exchange_calendars", "hypothesis", "pytest", "typer", "rich", "jinja2", "matplotlib", "yfinance")  # fmt: skip


class Unmutated:
    """A pytest plugin: writes down how long each test takes and which lines of the modules it runs, as JSON."""

    def __init__(self, root: Path, file: Path) -> None:
        from coverage import Coverage

        self.root, self.file, self.seconds, self.context = root / "backtest", file, Counter[str](), ""
        self.traced = Coverage(data_file=None, include=[f"{self.root}/*"])
        self.traced.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Attribute the lines that follow to a test."""
        self._switch(nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: object, request: object) -> object:
        """Attribute the lines of a fixture to the file that shares it, or to no test where all do."""
        before = self.context
        if fixturedef.scope != "function":
            self._switch(request.node.nodeid)
        result = yield
        self._switch(before)
        return result

    def _switch(self, context: str) -> None:
        self.context = context
        self.traced.switch_context(context)

    def pytest_runtest_logreport(self, report: object) -> None:
        """Add up what a test takes."""
        self.seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self.traced.stop()
        data = self.traced.get_data()
        files = {str(Path(name).relative_to(self.root)): data.contexts_by_lineno(name) for name in data.measured_files()}
        self.file.write_text(json.dumps({"seconds": self.seconds, "files": files}), encoding="utf-8")


class FirstFailure:
    """A pytest plugin: runs the tests of a line only, and writes down the first that fails.

    Hypothesis does not shrink or judge its speed.
    """

    def __init__(self, file: Path, order: list[str]) -> None:
        self.file, self.order = file, order

    def pytest_sessionstart(self) -> None:
        """Let hypothesis stop at its first counterexample, however slow the machine."""
        from hypothesis import HealthCheck, Phase, settings

        same, phases = settings.get_profile("same every time"), (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", same, phases=phases, suppress_health_check=list(HealthCheck))
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Leave the tests of the line, the shortest first."""
        if self.order:
            chosen = {item.nodeid: item for item in items}
            items[:] = [chosen[name] for name in self.order if name in chosen]

    def pytest_runtest_logreport(self, report: object) -> None:
        """Write down the first test that failed."""
        if report.failed and not self.file.exists():
            self.file.write_text(report.nodeid, encoding="utf-8")


class Tree:
    """A copy of the checkout in a temporary directory, in which mutants are put and tests are run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "main"
        for name in ("backtest", "strategies", "sweeps", "tests", "tools", "benchmarks", "docs", "reports"):
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ROOT.iterdir():
            if file.is_file() and file.name != ".git":
                shutil.copy2(file, self.root)
        if (shared := ROOT.parent / "shared").is_dir():
            (folder / "shared").symlink_to(shared)
        os.environ["BACKTEST_HOME"] = str(folder / "home")
        compileall.compile_dir(self.root / "backtest", quiet=1)
        self.cache, self.failure, self.output = folder / "numba", folder / "failure", folder / "output"
        self.traces: dict[str, dict] = {}

    def unmutated(self, tests: str) -> dict:
        """Return what the unmutated tests of a module take and run; exits where one fails."""
        if tests not in self.traces:
            trace = self.output.with_name("trace")
            failed, seconds = self._passes(tests, Unmutated, (self.root, trace))
            print(f"unmutated: {seconds:.0f} s, {tests}", flush=True)
            if failed:
                sys.exit(f"{failed} fails without a mutant: {self.output.read_text(encoding='utf-8')[-3000:]}")
            self.traces[tests] = json.loads(trace.read_text(encoding="utf-8")) | {"most": int(4 * seconds) + SPARE_SECONDS}
        return self.traces[tests]

    def mutated(self, mutant: Mutant) -> str:
        """Return the first test that fails on a mutant, "" where none does."""
        tests = AREAS[mutant.area][mutant.module]
        trace = self.unmutated(tests)
        path = self.root / "backtest" / mutant.module
        stat, original = path.stat(), path.read_bytes()
        compiled = b"njit" in original  # no test is seen to run the lines of what numba compiles
        covering = set() if compiled else set(trace["files"].get(mutant.module, {}).get(str(mutant.row), [])) - {""}
        sharing = {name for name in trace["seconds"] if name.partition("::")[0] in covering} - covering
        order = [name for part in (covering, sharing) for name in sorted(part, key=lambda name: trace["seconds"].get(name, 0.0))]
        path.write_text(mutant.source, encoding="utf-8")
        with tempfile.TemporaryDirectory() as cache:  # numba keys what it compiled by the file's time and size
            own = Path(cache) if compiled else None
            failed, _ = self._passes(tests, FirstFailure, (self.failure, order), trace["most"], own)
        path.write_bytes(original)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return failed

    def _passes(self, tests: str, plugin: type, given: tuple, most: int = 0, cache: Path | None = None) -> tuple[str, float]:
        """Return the first failing test, "" for none, and the processor time the tests took."""
        self.failure.unlink(missing_ok=True)
        if not (child := os.fork()):
            self._run(tests, plugin, given, most, cache)
        deadline = time.monotonic() + LONGEST
        while not (done := os.wait4(child, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.killpg(child, 9)
            time.sleep(0.05)
        failed = self.failure.read_text(encoding="utf-8") if self.failure.exists() else "time or import"
        return "" if done[1] == 0 else failed, done[2].ru_utime + done[2].ru_stime

    def _run(self, tests: str, plugin: type, given: tuple, most: int, cache: Path | None) -> None:
        import numba

        os.setsid()
        if most:
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            sys.dont_write_bytecode = True
        output = os.open(self.output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for stream in (0, 1, 2):
            os.dup2(output, stream)
        os.chdir(self.root)
        sys.path[0] = str(self.root)
        numba.config.CACHE_DIR = str(cache or self.cache)
        options = ["-x", "-p", "no:xdist", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = 1
        try:
            code = int(pytest.main([*options, *(f"tests/{name}" for name in tests.split())], [plugin(*given)]))
        finally:
            os._exit(code)


def equivalents() -> dict[str, str]:
    """Return the mutants known to change nothing, by name, and why."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", []) if EQUIVALENT.exists() else []
    return {row["name"]: row["reason"] for row in rows}


def run(mutants: list[Mutant]) -> dict[Mutant, str]:
    """Return the first test that failed on each mutant, "" where none did; exits where tests fail without a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        tree, results = Tree(Path(folder).resolve()), {}
        for number, mutant in enumerate(mutants, start=1):
            results[mutant] = tree.mutated(mutant)
            print(f"{number}/{len(mutants)} {mutant.name}\n    {results[mutant] or 'SURVIVED'}", flush=True)
    return results


def written(results: dict[Mutant, str], seed: int) -> str:
    """Return the page of a run: a table by area, and every survivor with its reason."""
    reasons, rows, listed = equivalents(), [], []
    for area in (*AREAS, None):
        own = [mutant for mutant in results if area in (mutant.area, None)]
        survivors = [mutant for mutant in own if not results[mutant]]
        same = [mutant for mutant in survivors if mutant.name in reasons]
        part = (len(own) - len(survivors) + len(same)) / max(len(own), 1)
        numbers = (len(own), len(own) - len(survivors), len(same), len(survivors) - len(same), f"{part:.0%}")
        rows.append(f"| {area or 'all'} | {' | '.join(map(str, numbers))} |")
        if area and survivors:
            listed += ["", f"### {area}", ""]
            listed += [f"- `{mutant.name}`\n  {reasons.get(mutant.name, UNEXPLAINED)}" for mutant in survivors]
    head = [
        "# Mutants",
        "",
        f"`make mutants`: small faults put into the modules one at a time, drawn with seed {seed} (see `tools/mutants.py`).",
        "A mutant is killed when a test of its module fails, equivalent when it changes nothing, which its reason shows.",
        "",
        "| area | mutants | killed | equivalent | survived | killed or equivalent |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    return "\n".join([*head, *rows, "", "## Survivors", *listed, ""])


def main() -> None:
    """Draw mutants, run the tests on each, and write the page when all areas were run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", choices=AREAS, action="append", help="only these areas")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT, help="mutants over all areas")
    parser.add_argument("--match", action="append", help="instead of drawing: every mutant whose name has one of these texts")
    parser.add_argument("--list", action="store_true", help="name the mutants and run nothing")
    chosen = parser.parse_args()
    areas = chosen.area or list(AREAS)
    if chosen.match:
        every = [mutant for area in areas for module in AREAS[area] for mutant in mutants_of(area, module)]
        mutants = [mutant for mutant in every if any(text in mutant.name for text in chosen.match)]
    else:
        mutants = [mutant for area in areas for mutant in drawn(area, chosen.seed, -(-chosen.count // len(AREAS)))]
    if chosen.list:
        print("\n".join(mutant.name for mutant in mutants))
        return
    for name in LIBRARIES:
        import_module(name)
    page = written(run(mutants), chosen.seed)
    print(page)
    if not chosen.area and not chosen.match:
        REPORT.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
