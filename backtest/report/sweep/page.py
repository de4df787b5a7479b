"""The page of a sweep, top to bottom."""

from backtest.report import page
from backtest.report.components import Above
from backtest.report.sweep import heat_maps, noise, outcome, provenance, settings, stability, worth
from backtest.report.sweep.search import Search

SECTIONS = (
    outcome.section,
    noise.section,
    stability.section,
    heat_maps.section,
    settings.section,
    worth.section,
    provenance.section,
)


def render_sweep(search: Search) -> str:
    """Return the page of a sweep: one HTML document that asks for nothing else."""
    above = Above("../../index.html", "All strategies")
    sections = [section(search) for section in SECTIONS]
    run = search.windows[-1]
    span = f"{search.summary.settings:,} settings of a grid, {run.start:%Y-%m-%d} to {run.end:%Y-%m-%d}"
    return page(f"{search.title}: a sweep", span, above, sections, search.written)
