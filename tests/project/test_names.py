"""No module knows a company, a broker, a ticker or the date of a thesis: only rows do."""

import re
from functools import lru_cache
from pathlib import Path

import pytest

from backtest.data.sources import reference
from backtest.thesis import load_thesis, shipped_theses

ROOT = Path(__file__).parents[2] / "backtest"
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
COMMON = {"Meta", "Coherent", "Credo", "Gold", "Samsung SDI"}  # words of English or of Python that a company is named like
OTHERS = ("Google", "AWS", "Doubao", "ByteDance", "Trainium", "Blackwell")  # names that tables give to parts of companies


def names_of_rows():
    """Return every name and ticker of a row, and each thesis's publisher, words and date."""
    words = set(OTHERS) | set(reference.load_facts().rows["entity"])
    for home in shipped_theses():
        thesis = load_thesis(home)
        words |= {row.ticker for row in (*thesis.universe.suppliers, *thesis.universe.benchmarks)}
        words |= {row.name for row in (*thesis.universe.suppliers, *thesis.universe.benchmarks)}
        words |= {thesis.publisher, *thesis.cited_as, f"{thesis.date:%Y-%m-%d}"}
    return sorted(word for word in words if word not in COMMON and not word.endswith("=X"))  # a rate is named by a rule


@lru_cache
def any_name():
    return re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, names_of_rows())) + r")(?!\w)")


def strays(source):
    lines = enumerate(source.splitlines(), start=1)
    return [(number, match[0]) for number, line in lines for match in any_name().finditer(line)]


@pytest.mark.parametrize(
    "planted", ["x = 'NVDA'", "# after 2025-07-23", '"""Soochow says so."""', "== 'Broadcom'", "'300308.SZ'"]
)
def test_a_planted_name_is_seen(planted):
    assert strays(planted)


@pytest.mark.parametrize("file", SOURCES)
def test_no_module_knows_a_company_a_broker_a_ticker_or_the_date_of_a_thesis(file):
    assert strays(SOURCES[file]) == []


def test_signals_and_claims_of_one_thesis_are_in_no_page():
    pages = {file: source for file, source in SOURCES.items() if file.startswith(("report/", "output/", "cli/"))}
    names = [row.signal for row in load_thesis().pages.shifts] + ["ratio-start", "ratio-end", "capex-rising", "excess-growth"]
    assert [
        (file, name) for file, source in pages.items() for name in names if re.search(rf"\"{re.escape(name)}\"", source)
    ] == []
