"""What the tests of live data share: a store in a folder of its own, and the sources played by a server on this machine."""

import pandas as pd
import pytest
from source_server import SourceServer

from backtest import clock
from backtest.__main__ import main
from backtest.data.store.append_only import Store

NOW = pd.Timestamp("2026-11-20T12:00Z")  # a Friday, Shanghai closed and New York not yet open


@pytest.fixture
def source_server():
    server = SourceServer(now=lambda: NOW)
    yield server
    server.close()


@pytest.fixture
def store(source_server, tmp_path, monkeypatch):
    """An empty store that the commands of this test fill from the server, by the server's clock."""
    monkeypatch.setattr(clock, "SYSTEM", source_server.clock())
    for name, value in source_server.environment(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    return Store(tmp_path / "home")


@pytest.fixture
def command(capsys):
    """Run a command as a user would, in this process; return its exit code, standard output and lines of error."""

    def run(*arguments):
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, [line for line in err.splitlines() if line.startswith("error: ") or "Traceback" in line]

    return run
