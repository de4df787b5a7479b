"""What the search found and what it is worth, in one sentence made by rule from the figures."""

from backtest.formatting import number
from backtest.report.components import Block, Cell, Column, Rows, Section, Table, Text
from backtest.report.formatting import counted
from backtest.report.sweep.checks import RULES, share, worth
from backtest.report.sweep.search import Search
from backtest.statistics.refusal import Refused
from backtest.sweeps.lead import lead
from backtest.sweeps.results import SweepSummary
from backtest.thesis.windows import WHOLE

TRIALS = (
    "Trials are all different settings of this strategy ever evaluated on these data, from the ledger; settings that resemble "
    "each other count in full, and a setting tried in a run of its own does not count."
)


def section(search: Search) -> Section:
    """Return the sentence, what the middle of the settings did, and the rules behind the words."""
    texts = (Text(_middle(search)), Text(_added(search.summary)), Text(f"{RULES} {TRIALS}", "small"))
    leads = (Text(lead(search.summary), "lead"), Text(worth(search.summary), "lead"))
    blocks: tuple[Block, ...] = (*leads, *_expected(search.summary), *texts)
    return Section("outcome", "What the search found, and what it is worth", blocks)


def _added(summary: SweepSummary) -> str:
    """Return how many settings differ at all, and what the signal added."""
    statistics, settings = summary.statistics, counted(summary.settings, "setting")
    alike = f"The {settings} are {counted(statistics.curves, 'distinct curve')}."
    twins = statistics.twins
    if isinstance(twins, Refused):
        return f"{alike} What the signal added is not asked: {twins.reason}."
    return (
        f"{alike} A setting's twin is the same with the signal on wherever it has a value. Over the whole run "
        f"{share(twins.beating)} of settings have a higher Sharpe ratio than their twin and {share(twins.richer)} a higher "
        f"return; in {share(twins.idle)} the signal never acts, so that nothing there can be its merit."
    )


def _expected(summary: SweepSummary) -> tuple[Table, ...]:
    """Return what the grid expects, and whether it came true."""
    if not summary.expectations:
        return ()
    columns = Column("What"), Column("Expected"), Column("Figure", True, term="Expectation"), Column("Outcome")
    rows = tuple(
        (Cell(row.subject), Cell(row.bounds), Cell(row.text), Cell("met" if row.met else "not met"))
        for row in summary.expectations
    )
    return (Table("What the grid expects of this sweep", columns, (Rows(rows),)),)


def _middle(search: Search) -> str:
    ratios = search.ratios(WHOLE).dropna()
    low, middle, high = (number(float(ratios.quantile(quantile))) for quantile in (0.25, 0.5, 0.75))
    missing = len(search.table) - len(ratios)
    without = f" {counted(missing, search.rows)} without a ratio: fewer than 30 returns, or none that varies." if missing else ""
    several = " Every setting has several books, each with a ratio of its own." if search.rows == "book" else ""
    return (
        f"The median {search.rows} has a Sharpe ratio of {middle}, half of them lie between {low} and {high}, and the worst has "
        f"{number(float(ratios.min()))}.{without}{several}"
    )
