"""Backtests a thesis: suppliers outgrow the CapEx of those who buy from them.

    import backtest as bt

    archive = bt.load_archive()
    result = bt.run(bt.load_strategy("theme_baskets"), archive)
    result.books["optical"].plot()

Each name below is loaded when it is first read, so that the import costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from backtest import errors as errors
    from backtest import signals as signals
    from backtest import weights as weights
    from backtest.api.audits import audit as audit
    from backtest.api.claims import check_claims as check_claims
    from backtest.api.comparisons import compare as compare
    from backtest.api.inputs import load_archive as load_archive
    from backtest.api.inputs import load_strategy as load_strategy
    from backtest.api.reports import write_report as write_report
    from backtest.api.runs import run as run
    from backtest.api.splits import explain as explain
    from backtest.api.sweeps import sweep as sweep
    from backtest.api.verdicts import verify as verify
    from backtest.panel import Archive as Archive
    from backtest.panel import Panel as Panel
    from backtest.result import Book as Book
    from backtest.result import RunResult as RunResult
    from backtest.strategy import StrategySpec as StrategySpec
    from backtest.strategy import build_spec as build_spec
    from backtest.thesis import load_thesis as load_thesis

_MODULES = {  # of each name; a module is its own
    "errors": "errors",
    "signals": "signals",
    "weights": "weights",
    "Archive": "panel",
    "Panel": "panel",
    "StrategySpec": "strategy",
    "RunResult": "result",
    "Book": "result",
    "load_thesis": "thesis",
    "build_spec": "strategy",
    "load_archive": "api.inputs",
    "load_strategy": "api.inputs",
    "run": "api.runs",
    "sweep": "api.sweeps",
    "audit": "api.audits",
    "check_claims": "api.claims",
    "explain": "api.splits",
    "write_report": "api.reports",
    "verify": "api.verdicts",
    "compare": "api.comparisons",
}
__all__ = [*_MODULES]


if not TYPE_CHECKING:  # which knows every name, and no other

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'backtest' has no attribute '{name}'")
        module = import_module(f"backtest.{_MODULES[name]}")
        value = module if _MODULES[name] == name else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
