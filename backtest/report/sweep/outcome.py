"""What the search found and what it is worth, in one sentence made by rule from the figures."""

from backtest.formatting import number
from backtest.report.components import Section, Text
from backtest.report.formatting import counted
from backtest.report.sweep.checks import RULES, worth
from backtest.report.sweep.search import Search
from backtest.thesis.windows import WHOLE

TRIALS = (
    "Trials are all different settings of this strategy ever evaluated on these data, from the ledger; settings that resemble "
    "each other count in full, and a setting tried in a run of its own does not count."
)


def section(search: Search) -> Section:
    """Return the sentence, what the middle of the settings did, and the rules behind the words."""
    blocks = (Text(worth(search.summary), "lead"), Text(_middle(search)), Text(f"{RULES} {TRIALS}", "small"))
    return Section("outcome", "What the search found, and what it is worth", blocks)


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
