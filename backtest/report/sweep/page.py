"""The page of a sweep, top to bottom."""

from backtest.report import page
from backtest.report.components import Above
from backtest.report.sweep import heat_maps, noise, outcome, provenance, settings, stability, worth
from backtest.report.sweep.search import Search

SECTIONS = (
    outcome.section,
    heat_maps.section,
    stability.section,
    noise.section,
    worth.section,
    settings.section,
    provenance.section,
)


def render_sweep(search: Search) -> str:
    """Return the page of a sweep: one HTML document that asks for nothing else."""
    above = Above("../../index.html", "All strategies")
    sections = [section(search) for section in SECTIONS]
    return page(f"{search.title}: every setting of a grid", search.question, above, sections, search.written)
