"""A report is written."""

from pathlib import Path

from backtest.errors import ConfigurationError
from backtest.files.options import report_name
from backtest.output import publish
from backtest.output.sweep_report import publish_sweep
from backtest.report import render, render_index
from backtest.result import Audit, RunResult
from backtest.sweeps.finished import Sweep


def write_report(
    made: RunResult | Sweep, out: str | Path = "reports", *, audit: Audit | None = None, tag: str | None = None
) -> Path:
    """Write the report of a run or a sweep and the front page over all reports; return the path of its page.

    made: of `run` or `sweep`. A sweep is written where its curves are: its own `out` and tag count.
    out: the folder of reports. The folder of a report appears complete or stays as it was.
    audit: of `audit`, to be in the report of the run that it is of.
    tag: write to STRATEGY--TAG, beside what is there without it.

    Raises DataError for a folder that cannot be written, or has something else in it, ConfigurationError for another run's audit.
    """
    if isinstance(made, Sweep):
        if audit is not None or tag is not None:
            raise ConfigurationError("a sweep with an audit or a tag; expected neither: give the tag to sweep()")
        return publish_sweep(made, made.options)
    result = made if audit is None else made.with_audit(audit)
    publish.publish_run(publish.report_of(result, render(result)), Path(out), tag)
    publish.publish_index(Path(out), render_index)
    return Path(out) / report_name(result.spec.name, tag) / "index.html"
