"""Where the modules of 0.1.0 are now: what a strategy file that imports an old name is told."""

import re

MOVED = {
    "attribution": "execution.attribution",
    "audit": "audits",
    "claims": "claims.ledger",
    "comparison": "output.compare",
    "data.appending": "data.store.vintages",
    "data.checks": "data.price_checks",
    "data.client": "data.sources.http",
    "data.decisions": "data.overrides",
    "data.eastmoney": "data.sources.eastmoney",
    "data.folder": "data.sources.folder",
    "data.live": "data.store.live",
    "data.pull": "data.store.pull",
    "data.reconcile": "data.store.reconcile",
    "data.reference": "data.sources.reference",
    "data.sec": "data.sources.sec",
    "data.status": "data.store.status",
    "data.yahoo": "data.sources.yahoo",
    "engine": "decisions",
    "inputs": "files.rows",
    "measures": "claims.measures",
    "publish": "output.publish",
    "regimes": "thesis.windows",
    "results": "output.read",
    "run": "runs",
    "sources": "data.archive",
    "spec": "strategy",
    "summary": "output.summary",
    "sweep": "sweeps",
    "sweep_reports": "output.sweep_report",
    "verification": "output.verify",
}  # below `backtest`
PACKAGES = ("audit", "sweep")


def moved(error: BaseException) -> str | None:
    """Return what to change where an import failed because a module moved, else None."""
    if not isinstance(error, ImportError) or not (error.name or "").startswith("backtest"):
        return None
    lost = re.match(r"cannot import name '(\w+)' from 'backtest'", str(error))
    parts = lost[1].split(".") if lost else (error.name or "").split(".")[1:]
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        if name in MOVED and (count == len(parts) or name in PACKAGES):
            return f"backtest.{name} is backtest.{MOVED[name]} since 0.2.0; change the import"
    return None
