"""What the search found and what it is worth, in one sentence made by rule from the figures."""

from backtest.formatting import counted, number
from backtest.report.components import Block, Cell, Chart, Column, Fold, Rows, Section, Table, Text
from backtest.report.sweep.checks import RARE, RULES, rarity, share, verdict, worth
from backtest.report.sweep.heat_maps import small_map
from backtest.report.sweep.noise import distribution
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
    """Return the sentence, the distribution of all settings and one map; behind a fold the rules behind the words."""
    small = small_map(search)
    pictures: tuple[Chart, ...] = (distribution(search), *([small] if small else []))
    summary = search.summary
    words = Text(search.question), Text(lead(summary)), Text(worth(summary)), Text(_middle(search)), Text(_added(summary))
    full = Fold("In full", (*words, Text(f"{RULES} {TRIALS}", "small")))
    blocks: tuple[Block, ...] = (Text(headline(search), "lead"), *pictures, *_expected(summary), full)
    return Section("outcome", "What the search found", blocks)


def headline(search: Search) -> str:
    """Return what came out in few words: against twins, and the best beside what it is worth, the median and the declared one."""
    summary, ratios = search.summary, search.ratios(WHOLE).dropna()
    word, _ = verdict(summary)
    declared = f", declared {number(search.declared)}" if search.declared is not None else ""
    return (
        f"{_over_twins(summary)} The best Sharpe ratio, {number(summary.best.sharpe)} of {counted(summary.trials, 'trial')}, is "
        f"{word}; median {number(float(ratios.median()))}{search.having(WHOLE)}{declared}."
    )


def _over_twins(summary: SweepSummary) -> str:
    """Return whether any setting beat its twin beyond luck, by the rules of `sweeps.lead`."""
    twins, count = summary.statistics.twins, f"{summary.settings:,} settings"
    if isinstance(twins, Refused):
        return f"What the signal added to the {count} is not asked."
    if twins.idle >= 1.0:
        return f"The signal acts in none of the {count}."
    if isinstance(twins.spa, Refused):
        return f"Whether any of the {count} beat its twin cannot be told."
    p = f"p {rarity(twins.spa.consistent)}"
    shown = f"None of the {count} is shown to beat its twin by more than luck"
    return f"{shown} ({p})." if twins.spa.consistent > RARE else f"Some of the {count} beat their twins beyond luck ({p})."


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


def _expected(summary: SweepSummary) -> tuple[Fold, ...]:
    """Return what the grid expects, and whether it came true."""
    if not summary.expectations:
        return ()
    columns = Column("What"), Column("Expected"), Column("Figure", True, term="Expectation"), Column("Outcome")
    rows = tuple(
        (Cell(row.subject), Cell(row.bounds), Cell(row.text), Cell("met" if row.met else "not met"))
        for row in summary.expectations
    )
    met = sum(row.met for row in summary.expectations)
    table = Table("What the grid expects of this sweep", columns, (Rows(rows),))
    return (Fold(f"What the grid expects: {met} of {counted(len(rows), 'row')} met", (table,)),)


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
