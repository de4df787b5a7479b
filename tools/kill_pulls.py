"""Kills pulls at random instants and looks at what is left: `python tools/kill_pulls.py 200` is the soak of `make soak`.

Each pull is a process of its own, forked after the imports so that a kill falls into its work and not into its start. By turns
it is killed right before a random one of its changes of files in the store, and while the server has a random one of its
requests. After each kill `data verify` has to accept the store, and every item the pull had reported stored has to be in it,
with at least as many rows as reported. At the end a pull runs through, and two run at once.
"""

import os
import random
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import httpx  # noqa: F401 - imported before the fork, so that no kill falls into an import
import yfinance  # noqa: F401
from instants import at_step, written_in
from source_server import SourceServer

from backtest.__main__ import main
from backtest.data.store.append_only import Store
from backtest.data.store.status import verify
from backtest.data.store.vintages import newest

TICKERS = ["NVDA", "AMD", "AVGO", "MRVL", "MSFT", "300308.SZ", "300502.SZ"]
REQUESTS, STEPS = 18, 120  # fewest of a pull that runs through: questions to the server, changes of files in the store
STORED = re.compile(r"(yahoo|sec|eastmoney) (\S+): stored: (\d+) new, (\d+) changed, (\d+) unchanged")


def start(log, since, step=0):
    """Fork a pull of everything about TICKERS that dies at a step, if any; return its process id. Its reports go to a file."""
    process = os.fork()
    if process:
        return process
    with open(log, "wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    at_step(step, written_in(os.environ["BACKTEST_HOME"]), signal.SIGKILL)
    code = 0
    try:
        main(["data", "pull", *TICKERS, "--since", since, "--again"])
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def lost(store, log):
    """Return what a pull reported stored and the store does not have."""
    faults = []
    for source, key, new, changed, unchanged in STORED.findall(log.read_text(encoding="utf-8")):
        rows = store.read(f"prices/{key}" if source == "yahoo" else f"facts/{source}")
        count = 0 if rows is None else len(newest(rows)) if source == "yahoo" else int((rows["entity"] == key).sum())
        if count < int(new) + int(changed) + int(unchanged):
            faults.append(f"{source} {key}: {count} rows of {new} + {changed} + {unchanged}")
    return faults


def kill_pulls(kills, server, home, seed=1):
    """Return how many pulls were killed at work, how many ended first, how many items were reported, and every fault."""
    chance = random.Random(seed)
    store, log = Store(home), home.parent / "pull.log"
    killed = ended = reported = 0
    faults = []
    while killed < kills:
        before, since = len(server.requests), f"2026-{chance.choice(['05', '06', '07', '08'])}-03"
        if (killed + ended) % 2:
            process = start(log, since)
            kill_at(process, server, before + chance.randint(1, REQUESTS))
        else:
            process = start(log, since, step=chance.randint(1, STEPS))
        _, status = os.waitpid(process, 0)
        killed, ended = killed + os.WIFSIGNALED(status), ended + os.WIFEXITED(status)
        reported += len(STORED.findall(log.read_text(encoding="utf-8")))
        faults += [*verify(store)[1], *lost(store, log)]
    return {"killed": killed, "ended before": ended, "items reported": reported, "faults": faults}


def kill_at(process, server, request):
    """Kill a pull when the server has so many requests, or let it end before."""
    while len(server.requests) < request:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)


def complete(home):
    """Return the exit codes of a pull after all kills and of two at once, and every fault of the store they leave."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(start(home.parent / "last.log", "2026-05-03"), 0)[1])]
    both = [start(home.parent / f"{number}.log", "2026-05-03") for number in (1, 2)]
    codes += [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in both]
    return codes, verify(Store(home))[1]


if __name__ == "__main__":
    server = SourceServer()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.environment(Path(folder) / "home"))
        began = time.monotonic()
        outcome = kill_pulls(int(sys.argv[1]), server, Path(folder) / "home")
        codes, faults = complete(Path(folder) / "home")
        print({**outcome, "seconds": round(time.monotonic() - began)})
        print(
            {
                "exit codes of one pull and of two at once": codes,
                "faults": faults,
                "store": verify(Store(Path(folder) / "home"))[0],
            }
        )
    sys.exit(bool(outcome["faults"] or faults))
