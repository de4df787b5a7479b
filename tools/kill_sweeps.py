"""Kills sweeps at random instants and looks at what is left: `python tools/kill_sweeps.py 50` is a soak of `make soak`.

Each sweep is a process of its own, forked after the imports so that a kill falls into its work and not into its start, and
leader of a session, so that what it started is found. Of four kills two fall right before a chunk gets its name, one before
another file does, and one anywhere, half of those where chunks are evaluated. After each kill every
file under a final name has to be one of an undisturbed run, byte for byte, every link that a reader comes to has to lead to a
file, the ledger has to answer, and no child may stay; the next sweep resumes. One that comes to its end has to have left all
files of an undisturbed run, and the next begins anew or in a folder that lost half of its chunks. Then shards, local and on
Dask, and sweeps that lose a worker or the scheduler. `kill_sweeps.py 3 0 2 worker` names the kills, the full reports that a sweep
writes, the lags of its grid, and the parts after the kills (else all; `kills`: none).
"""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from instants import at_step, renamed_to

from backtest.__main__ import main
from backtest.errors import DataError
from backtest.sweeps import chunks, fork_server, stages
from backtest.sweeps.trials import Trials

STRATEGY = "supply_chain_excess"
GRID = """[settings]
rebalance = ["weekly", "monthly", "quarterly"]
start = [2025-07-01]
lag = { from = 1, to = LAGS, step = 1 }
slippage_bps = [0.0, 5.0, 10.0, 20.0]
capital = [1_000_000.0, 10_000_000.0]
"weights.above" = { from = -0.30, to = 0.25, step = 0.05 }
"""
CHUNK = 12  # settings: those that are walked together
LOADED = (
    "backtest.data.archive",
    "backtest.sweeps.stages",
    "backtest.output.sweep_report",
    "jinja2",
)
LOADED += ("statsmodels.api", "vectorbt_rust", "scipy.stats")  # before the fork, so that no kill falls into an import
CHUNKS = "out/sweeps/*/chunks/[!.]*.parquet"
PARTS = ("shards", "worker", "deaths", "scheduler")
WAIT = 1800.0  # seconds after which what has to happen is taken to hang, on however busy a machine


@dataclass(frozen=True)
class Sweep:
    """A sweep that was started: its process, where it writes, and when it began (nanoseconds)."""

    process: int
    root: Path
    began: int

    @property
    def folder(self):
        """The folder that its command line names with --out."""
        return self.root / "out"

    def written(self):
        """Return how many chunks are in its folder."""
        return sum(1 for _ in self.root.glob(CHUNKS))

    def ended(self):
        """Return whether the process came to its end; it is not reaped."""
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def code(self):
        """Wait for the end of the process, at most WAIT, and return its exit code, or minus the signal that killed it."""
        until = time.monotonic() + WAIT
        while not self.ended() and time.monotonic() < until:
            time.sleep(0.002)
        if not self.ended():
            os.kill(self.process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def log(self):
        """Return what it wrote to its standard streams."""
        return (self.root / "sweep.log").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Instant:
    """The moment right before a sweep gives some number of chunks, or of other files, their names, and its signal then."""

    number: int
    chunks: bool = True
    signal: int = signal.SIGKILL

    def set_up(self):
        """Let this process come by the signal."""
        at_step(self.number, renamed_to(lambda path: is_chunk(path) == self.chunks), self.signal)


def is_chunk(path):
    return path.parent.name == "chunks" and path.suffix == ".parquet"


def start(root, *words, deaths=3, instant=None):
    """Fork a sweep into a folder beside its grid, until an instant; `deaths` of workers with one chunk are allowed."""
    root.mkdir(exist_ok=True)
    began = time.time_ns()
    process = os.fork()
    if process:
        return Sweep(process, root, began)
    os.setsid()
    with open(root / "sweep.log", "wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ["BACKTEST_HOME"] = str(root / "home")
    chunks.SETTINGS_PER_CHUNK = CHUNK
    fork_server.FEW = stages.FEW = 0  # so that workers share however few there are
    if "dask" in sys.modules:
        sys.modules["dask"].config.set({"distributed.scheduler.allowed-failures": deaths})
    if instant is not None:
        instant.set_up()
    code = 1
    try:
        main(["sweep", STRATEGY, "--grid", str(root.parent / "grid.toml"), "--out", str(root / "out"), *words])
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def files(folder):
    """Return the bytes of every file under a final name; the name of an unfinished file begins with a dot."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        name: (folder / name).read_bytes() for name in map(str, (path.relative_to(folder) for path in paths)) if not hidden(name)
    }


def hidden(name):
    return any(part.startswith(".") for part in Path(name).parts)


def odd(sweep, whole, complete):
    """Return what the files of a sweep are that those of an undisturbed one are not."""
    present = files(sweep.folder)
    lost = sorted(set(whole) - set(present)) if complete else []
    return [f"{name}: missing" for name in lost] + [
        f"{name}: {'not of this sweep' if name not in whole else 'other bytes'}"
        for name, body in present.items()
        if whole.get(name) != body
    ]


def dead_links(folder):
    """Return every link to a file that is not there, on the pages that a reader comes to from the front page or the sweep's."""
    folder = folder.resolve()
    ahead = [page for page in (folder / "index.html", folder / "sweeps" / STRATEGY / "index.html") if page.exists()]
    faults, seen = [], set(ahead)
    while ahead:
        page = ahead.pop()
        for link in re.findall(r'href="([^"#:]+)"', page.read_text(encoding="utf-8")):
            to = (page.parent / link).resolve()
            if to.is_file() and to.suffix == ".html" and to not in seen:
                seen.add(to)
                ahead.append(to)
            if not to.is_file() and to != folder / "index.html":  # the front page is the last of a first sweep
                faults.append(f"{page.relative_to(folder)}: leads to {link}")
    return faults


def ledger_faults(sweep, whole):
    """Return what is wrong with the ledger of trials: unreadable, too many, or fewer than a result that is seen."""
    path = sweep.root / "home" / "trials.sqlite"
    try:
        count = Trials(path).count(STRATEGY)
        with closing(sqlite3.connect(path)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except (DataError, sqlite3.Error) as error:
        return [f"ledger: {error}"]
    document = f"sweeps/{STRATEGY}/result.json"
    settings = json.loads(whole[document])["settings"]
    seen = (sweep.folder / document).exists()
    return (
        [f"ledger: {count} of {settings}, {answer}"] if answer != "ok" or count > settings or (seen and count < settings) else []
    )


def members(session):
    """Return the living processes of a session with their parents, its leader aside."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # it ended
        if int(of) == session and state != "Z" and int(stat.parent.name) != session:
            parents[int(stat.parent.name)] = int(parent)
    return parents


def orphans(session):
    """Return a fault when processes of a dead leader's session stay, which are then killed."""
    until = time.monotonic() + WAIT
    while (left := members(session)) and time.monotonic() < until:
        time.sleep(0.05)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return [f"{len(left)} children alive {WAIT:.0f} s after their leader"] if left else []


def in_the_making(folder):
    return {Path(at, name) for at, _, names in os.walk(folder) for name in names if name.startswith(".")}  # folders may go


def instant_of(number, chunks, others, chance):
    """Return when the kill of a number falls, by turns of four; `chunks` and `others` are what a sweep has to write."""
    if number % 4 == 1:
        return Instant(chance.randint(1, others), chunks=False)
    return None if number % 4 == 3 else Instant(some_of(chunks, chance))


def some_of(chunks, chance):
    """Return the number of a chunk, not the first where there are more, and in the first quarter of them."""
    return min(max(1, chunks), 2 + chance.randrange(max(1, chunks // 4)))


def stage(sweep, of):
    """Return what a sweep was doing, by the files that it wrote."""
    fresh = {path.name for path in sweep.folder.rglob("*") if path.is_file() and path.stat().st_mtime_ns >= sweep.began}
    if sweep.written() < of:
        return "evaluating"
    if "settings.parquet" not in fresh:
        return "measuring"
    return "after all" if "result.schema.json" in fresh else "publishing"


def kill_sweeps(kills, root, whole, took, words, chance):
    """Return where sweeps were killed, how many ended first, how many children they had, and every fault."""
    of = sum("chunks/" in name for name in whole)
    at, doing, faults, children, ended, left = [], Counter(), [], 0, 0, 0
    while len(at) < kills:
        there = sum(1 for _ in root.glob(CHUNKS))
        instant = instant_of(len(at), of - there, len(whole) - of, chance)
        sweep = start(root, "--resume", *words, instant=instant)
        if instant is None:
            time.sleep(chance.uniform(0, took[chance.random() < 0.5]))
            os.kill(sweep.process, signal.SIGKILL)
        code = sweep.code()
        children = max(children, len(members(sweep.process)))
        faults += orphans(sweep.process)
        if code == -signal.SIGKILL:
            at.append(sweep.written())
            doing[stage(sweep, of)] += 1
            left = max(left, len(in_the_making(sweep.folder)))
            faults += [*odd(sweep, whole, complete=False), *dead_links(sweep.folder), *ledger_faults(sweep, whole)]
            continue
        ended += 1
        faults += [f"exit code {code}: {sweep.log()}"] * bool(code) + odd(sweep, whole, complete=True)
        begin_again(root, chance)
    last = start(root, "--resume", *words)
    code = last.code()
    faults += [f"exit code {code}: {last.log()}"] * bool(code) + odd(last, whole, complete=True) + ledger_faults(last, whole)
    early = [number for number in at if number < of] or [of]
    spread = {"least": min(early), "median": round(statistics.median(early)), "most": max(early), "of": of}
    summary = {"killed": len(at), "ended before": ended, "chunks at kills amid them": spread, "killed while": dict(doing)}
    return summary | {"most children": children, "most files in the making": left, "faults": faults}


def begin_again(root, chance):
    """Leave nothing of a sweep, or everything but half of its chunks."""
    if chance.random() < 0.5:
        shutil.rmtree(root)
        return
    for path in sorted(root.glob(CHUNKS)):
        if chance.random() < 0.5:
            path.unlink()


def shards(root, whole, words, engine=()):
    """Return the faults of sweeps in 1, 3 and 7 shards, evaluated out of order and merged."""
    faults = []
    for count in (1, 3, 7):
        shutil.rmtree(root, ignore_errors=True)
        commands = [("--shard", f"{number}/{count}", *engine) for number in range(count, 0, -1)]
        for command in (*commands, ("--merge",)):
            sweep = start(root, *command, *words)
            if code := sweep.code():
                faults.append(f"{' '.join(command)}: exit code {code}: {sweep.log()}")
        faults += odd(sweep, whole, complete=True)
    return {f"1, 3 and 7 shards{' on Dask' if engine else ''}": "merged", "faults": faults}


def awaited(ready, what):
    """Wait until something is there and return it."""
    until = time.monotonic() + WAIT
    while not (answer := ready()):
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.002)
    return answer


def loses(sweep, whole, process, wanted=0):
    """Kill a process that a stopped sweep needs and let it go on; return how many chunks there were, and every fault."""
    of = sum("chunks/" in name for name in whole)
    os.waitid(os.P_PID, sweep.process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    there = sweep.written()
    if not sweep.ended():
        os.kill(process(), signal.SIGKILL)
        os.kill(sweep.process, signal.SIGCONT)
    code = sweep.code()
    faults = [f"exit code {code}: {sweep.log()}"] * (code != wanted) + odd(sweep, whole, complete=not wanted)
    faults += orphans(sweep.process) + ["the process died after the work"] * (there >= of)
    return {"chunks when it died": there, "of": of, "exit code": code, "faults": faults}


def amid(whole, chance):
    """Return an instant at which a sweep stops, some of its chunks written."""
    return Instant(some_of(sum("chunks/" in name for name in whole), chance), signal=signal.SIGSTOP)


def gives_up(sweep, whole, process, words):
    """Kill a process that a sweep cannot do without: it has to say so in a line, and is resumed without Dask."""
    outcome = loses(sweep, whole, process, wanted=DataError.exit_code)
    last = [line for line in sweep.log().splitlines() if line.startswith("error: ")]
    sweep = start(sweep.root, "--resume", *words)
    code = sweep.code()
    faults = [f"{len(last)} lines of error"] * (len(last) != 1) + [f"exit code {code}: {sweep.log()}"] * bool(code)
    return outcome | {"faults": outcome["faults"] + faults + odd(sweep, whole, complete=True)}


def worker_of(sweep):
    """Return one worker process of a sweep that has a Dask cluster of its own."""
    workers = [process for process, parent in members(sweep.process).items() if parent == sweep.process]
    return next(process for process in workers if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes())


def killed_worker(root, whole, words, chance):
    """A sweep on a cluster of its own loses a worker, which the cluster starts again."""
    sweep = start(root, "--engine", "dask", *words, instant=amid(whole, chance))
    return {"lost": "a worker of its own"} | loses(sweep, whole, lambda: worker_of(sweep))


def too_many_deaths(root, whole, words, chance):
    """A sweep that may lose no worker loses one."""
    sweep = start(root, "--engine", "dask", *words, deaths=0, instant=amid(whole, chance))
    return {"lost": "a worker too many"} | gives_up(sweep, whole, lambda: worker_of(sweep), words)


@contextmanager
def cluster(folder):
    """Yield the address of a scheduler, its process, and those of its two workers, which nothing starts again."""
    dask, file = [sys.executable, "-m", "dask"], folder / "scheduler.json"
    with open(folder / "dask.log", "wb") as out:
        streams = {"stdout": out, "stderr": out}
        scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        worker = ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        started = [subprocess.Popen([*dask, *scheduler], **streams)]
        try:
            awaited(file.exists, "a scheduler")
            started += [subprocess.Popen([*dask, *worker, "--local-directory", str(folder)], **streams) for _ in range(2)]
            yield json.loads(file.read_text(encoding="utf-8"))["address"], *started
        finally:
            for process in started:
                process.kill()
                process.wait()


def on_scheduler(root, whole, words, chance):
    """Sweeps on a named scheduler: in shards, one that loses a worker for good, and one that loses the scheduler."""
    with cluster(root.parent) as (address, scheduler, worker, _):
        engine = ("--engine", "dask", "--scheduler", address)
        yield shards(root, whole, words, engine)
        shutil.rmtree(root)
        sweep = start(root, *engine, *words, instant=amid(whole, chance))
        yield {"lost": "a worker for good"} | loses(sweep, whole, lambda: worker.pid)
        shutil.rmtree(root)
        sweep = start(root, *engine, *words, instant=amid(whole, chance))
        yield {"lost": "the scheduler"} | gives_up(sweep, whole, lambda: scheduler.pid, words)


def undisturbed(root, words):
    """Return the files of a sweep that nobody kills, and the seconds that all of it and its evaluation took."""
    sweep = start(root, *words)
    if code := sweep.code():
        sys.exit(f"exit code {code}: {sweep.log()}")
    all_of_it = (time.time_ns() - sweep.began) / 1e9
    last = max(path.stat().st_mtime_ns for path in sweep.folder.glob("sweeps/*/chunks/*"))
    return files(sweep.folder), (all_of_it, (last - sweep.began) / 1e9)


def play(folder, kills, reports, lags, parts, chance):
    """Yield what each part found."""
    (folder / "grid.toml").write_text(GRID.replace("LAGS", lags), encoding="utf-8")
    words = ("--reports", reports)
    whole, took = undisturbed(folder / "undisturbed", words)
    yield {"seconds of a sweep": round(took[0], 1), "of which to the last chunk": round(took[1], 1), "faults": []}
    yield kill_sweeps(kills, folder / "killed", whole, took, words, chance)
    if "shards" in parts:
        yield shards(folder / "shards", whole, words)
    if not find_spec("distributed"):
        yield {"Dask": "not installed", "faults": []}
        return
    if "worker" in parts:
        yield killed_worker(folder / "worker", whole, words, chance)
    if "deaths" in parts:
        yield too_many_deaths(folder / "deaths", whole, words, chance)
    if "scheduler" in parts:
        yield from on_scheduler(folder / "scheduler", whole, words, chance)


if __name__ == "__main__":
    for name in (*LOADED, *(["distributed"] if find_spec("distributed") else [])):
        import_module(name)
    kills, reports, lags, *parts = [*sys.argv[1:], *("1", "4")[max(0, len(sys.argv) - 2) :]]
    began, faults = time.monotonic(), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for outcome in play(Path(folder), int(kills), reports, lags, parts or PARTS, random.Random(1)):
            faults += outcome["faults"]
            print(outcome, flush=True)
    print({"seconds": round(time.monotonic() - began)})
    sys.exit(bool(faults))
