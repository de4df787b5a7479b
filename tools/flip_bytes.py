"""Flips single bytes of a sweep's files and of a store's, and counts what is used in silence: `python tools/flip_bytes.py 400`.

Each flip changes one byte of one file, chosen by a seed, looks whether the file is refused by name, and puts the byte back. A
sweep's chunks, table and result are read as --merge, --resume, --baseline and the front page read them; a store's answers, tables
and ledger by `data verify`, its tables also as a run reads them. The store is pulled from the server that the tests play.
"""

import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "data")]

from source_server import SourceServer  # noqa: E402

from backtest.__main__ import main  # noqa: E402
from backtest.data.store.append_only import Store  # noqa: E402
from backtest.data.store.status import verify  # noqa: E402
from backtest.errors import BacktestError, DataError  # noqa: E402
from backtest.output.publish import read_document  # noqa: E402
from backtest.sweeps import chunks, drift, sealed_parquet  # noqa: E402

SEED = 20260731
STRATEGY = "supply_chain_excess"
GRID = '[settings]\nlag = [1, 2]\nslippage_bps = [5.0, 10.0]\n"weights.above" = [-0.2, 0.0, 0.1]\n'
PULLED = ("NVDA", "300308.SZ", "CNY=X", "MSFT", "--since", "2026-06-01")
Check = Callable[[Path], None]  # raises BacktestError that names the file, where it is damaged


def flips(files: Sequence[Path], count: int, check: Check, seed: int = SEED) -> Counter[str]:
    """Return how many flips were refused by name, used in silence, refused without the name, or ended in a traceback."""
    chance, outcomes = random.Random(seed), Counter[str]()
    for _ in range(count):
        path = chance.choice(files)
        body = path.read_bytes()
        offset, change = chance.randrange(len(body)), chance.randrange(1, 256)
        path.write_bytes(body[:offset] + bytes([body[offset] ^ change]) + body[offset + 1 :])
        try:
            outcome = _outcome(path, check)
        finally:
            path.write_bytes(body)
        outcomes[outcome] += 1
        if outcome != "refused":
            print(f"{outcome}: {path}, byte {offset} of {len(body)} xor {change}", file=sys.stderr)
    return outcomes


def _outcome(path: Path, check: Check) -> str:
    try:
        check(path)
    except BacktestError as error:
        return "refused" if path.name in str(error) and "\n" not in str(error) else "not named"
    except Exception:
        traceback.print_exc()
        return "traceback"
    return "silent"


def check_sweep(path: Path) -> None:
    """Read a file of a sweep as the commands do."""
    if path.parent.name == "chunks":
        if sealed_parquet.is_whole(path):  # so --resume would use it
            return
        chunks.read(chunks.Chunk((0,), path, 0))
    elif path.suffix == ".parquet":
        drift.read(path)
    else:
        read_document(path)


def check_store(path: Path) -> None:
    """Verify the store that a file is in; a table is read too, as a run does."""
    home = next(folder for folder in path.parents if (folder / "answers").is_dir())
    faults = verify(Store(home))[1]
    if not any(path.name in fault for fault in faults):
        return
    if path.suffix == ".parquet":
        Store(home).read(f"{path.parent.parent.name}/{path.parent.name}")
        return
    raise DataError(next(fault for fault in faults if path.name in fault))


def sweep_files(folder: Path) -> list[Path]:
    """Make a small sweep and return its chunks, table and result."""
    (folder / "grid.toml").write_text(GRID, encoding="utf-8")
    words = ["--grid", str(folder / "grid.toml"), "--out", str(folder / "out"), "--reports", "0", "--workers", "1"]
    run_command("sweep", STRATEGY, *words)
    swept = folder / "out" / "sweeps" / STRATEGY
    return [*sorted(swept.glob("chunks/[!.]*.parquet")), swept / "settings.parquet", swept / "result.json"]


def store_files(home: Path) -> list[Path]:
    """Pull a small store twice and return its answers, tables and ledger."""
    server = SourceServer()
    try:
        with _environment(server.environment(home) | {"BACKTEST_TIMEOUT": "30"}):
            run_command("data", "pull", *PULLED)
            run_command("data", "pull", *PULLED, "--again")
    finally:
        server.close()
    return sorted(path for kind in ("answers", "tables", "ledger") for path in (home / kind).rglob("*.*") if path.is_file())


def run_command(*arguments: str) -> None:
    """Run a command in this process; SystemExit where it fails."""
    try:
        main(list(arguments))
    except SystemExit as end:
        if end.code:
            raise


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def soak(count: int) -> bool:
    """Flip so many bytes of a sweep and of a store, print what came of them, and return whether all were refused by name."""
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _environment({"BACKTEST_HOME": str(folder / "trials")}):
            parts = {"sweep": (sweep_files(folder), check_sweep), "store": (store_files(folder / "home"), check_store)}
            for part, (files, check) in parts.items():
                outcomes = flips(files, count, check)
                good = good and outcomes["refused"] == count
                counted = ", ".join(f"{outcomes[kind]} {kind}" for kind in ("refused", "silent", "not named", "traceback"))
                print(f"{part}: {count} flips in {len(files)} files: {counted}")
    return good


if __name__ == "__main__":
    sys.exit(0 if soak(int(sys.argv[1]) if len(sys.argv) > 1 else 400) else 1)
