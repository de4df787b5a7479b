"""The command `capex-backtest`, outside the package `backtest`: another package on the index has that import name too."""

import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

OTHER = "backtest"  # the distribution on the index with our import name
ADVICE = "pip uninstall --yes backtest capex-backtest && pip install capex-backtest, or an environment of its own"
USAGE = 2  # the exit code of a wrong configuration


def main() -> None:
    """Run the command line, or say in one line that another package `backtest` is in the way."""
    if fault := clash(Path(__file__).resolve().parent):
        print(f"error: {fault}; expected capex-backtest alone: {ADVICE}", file=sys.stderr)
        sys.exit(USAGE)
    from backtest.cli.app import main as run

    run()


def clash(home: Path) -> str:
    """Return what is in the way of the package `backtest` in a folder: another of that import name, or nothing."""
    spec = PathFinder.find_spec("backtest")
    origin = (spec.origin or next(iter(spec.submodule_search_locations or ()), "")) if spec else ""
    if origin and Path(origin).resolve() != home / "backtest" / "__init__.py":
        return f"'import backtest' finds {origin}, not the package of capex-backtest in {home}"
    try:
        other = Path(str(distribution(OTHER).locate_file(""))).resolve()
    except PackageNotFoundError:
        return ""
    return f"the distributions '{OTHER}' and 'capex-backtest' both have files in {home / 'backtest'}" if other == home else ""
