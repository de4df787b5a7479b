"""What README, DESIGN and the pages say in figures is what the code, the benchmarks' tables and the ledger have."""

import re
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest
from blocks import blocks
from command_parts import commands
from documents import made, names
from verdict_parts import KNOWN_ON

from backtest.audits import growth, leak_budget
from backtest.calendars import as_of_moment
from backtest.claims.ledger import Claim, judged, load_claims
from backtest.claims.rows import MEASURES, Test
from backtest.data.sources import reference
from backtest.data.store import live, reconcile
from backtest.markets import load_markets, sessions_a_year
from backtest.report.sweep import checks
from backtest.runs import Book, RunResult
from backtest.statistics import hac, influence, markov_switching, refusal, sizes
from backtest.strategy import load_strategy
from backtest.sweeps.chunks import SETTINGS_PER_CHUNK
from backtest.sweeps.grid import DEFAULT_GRID, load_grid
from backtest.sweeps.settings import PATHS_TOGETHER, Settings
from backtest.thesis import load_thesis

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "DESIGN.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
DECISIONS = "\n".join(text for name, text in TEXT.items() if name.startswith("docs/decisions/"))
BENCHMARKS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.md")}
STRATEGIES = sorted((ROOT / "strategies").glob("*.py"))
NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]


def one_line(text):
    return " ".join(text.split())


def rows(text):
    """Return the cells of every row of the tables in a Markdown text."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|-: ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def measured(statistic, sample="", promised=None):
    """Return the rates in percent of the rows of sizes.md of a statistic whose sample has some words."""
    found = [row for row in rows(BENCHMARKS["sizes.md"]) if row[0] == statistic and sample in row[1]]
    found = [row for row in found if promised is None or row[2] == f"{promised:.1f}%"]
    assert found, (statistic, sample)
    return [float(row[3].split("%")[0]) for row in found]


# Measured sizes.


@pytest.mark.parametrize("rates", [value for value in vars(sizes).values() if isinstance(value, sizes.Rates)], ids=str)
def test_a_rate_that_texts_cite_is_that_of_the_table_of_sizes(rates):
    found = measured(rates.statistic, promised=rates.promised)
    assert (rates.low, rates.high) == (round(min(found)), round(max(found)))


def test_the_page_of_a_sweep_says_what_spa_divides_by_and_how_often_it_errs():
    assert "divided by standard deviations" in checks.SUPERIOR.reads
    assert str(sizes.SPA_ON_NOISE) in checks.SUPERIOR.reads
    assert "as they are" not in checks.SUPERIOR.reads


NULL = "SPA consistent p at most 5%"
TWINS = "SPA over twins: consistent p at most 5%"
AS_THEY_ARE = "the same, means not divided by their spread (`arch`)"
AUTOCOVARIANCES = "the same, means divided by their errors from autocovariances"
NAMED = "catalysts: any of a window's events named"
SIZES = {
    "noise is rejected {}–{}% of the time": lambda: spread(measured(NULL, promised=5)),
    "small exposure with an edge among large ones without ({:.0f}% found, not {:.0f}%)": lambda: (
        *measured(AS_THEY_ARE, "ratio of 0.25"),
        *measured(NULL, "ratio of 0.25"),
    ),
    "rejects noise {}–{}% of the time, less where the basket rises": lambda: spread(measured(TWINS, promised=5)),
    "losses of 8.4% a month half the time is found {:.0f}% of the time in 14 quarters, of 4.2% {:.0f}%": lambda: (
        *measured(TWINS, "loses 8.4%"),
        *measured(TWINS, "loses 4.2%"),
    ),
    "of the best excess {:.0f}% with N as settings, {:.0f}% as distinct curves": lambda: (
        *measured("Deflated Sharpe of the best excess over a twin above 95%, N settings", "loses 8.4%"),
        *measured("the same, N distinct curves", "loses 8.4%"),
    ),
    "reject noise {:.0f}% of the time in blocks of 25 days": lambda: measured(AUTOCOVARIANCES),
    "EWC on 14 autocorrelated quarters is wrong about {:.0f}% of the time (promised 5%), Newey–West {:.0f}%": lambda: (
        *measured("EWC regression: slope at 5%", "n=14, autocorrelation 0.5 of cause and error", 5),
        *measured("Newey–West, normal critical values: at 5%", "n=14, autocorrelation 0.5"),
    ),
    "leaves out zero {}–{}% of the time where the signal adds nothing": lambda: spread(
        measured("paired difference: interval excludes 0", promised=5)
    ),
    "it sees {:.0f}% in 35 sessions, {:.0f}% in 61, {:.0f}% in a spell of 88": lambda: [
        measured("paired difference: interval excludes 0", f"{sample}, 0.3 deviations")[0]
        for sample in (
            "n=35, autocorrelation 0.0, the signal acts on 100% of sessions",
            "n=61, autocorrelation 0.0, the signal acts on 100% of sessions",
            "the signal acts on 10% of sessions",
        )
    ],
    "name an event by chance {}–{}% of the time": lambda: spread(measured(NAMED, promised=5), 1),
    "is named {}% of the time with normal returns and {}% with fat tails": lambda: (
        *measured(NAMED, "normal, 4 deviations"),
        *measured(NAMED, "t4, 4 deviations"),
    ),
    "threshold ({}–{}%)": lambda: spread(measured("Deflated Sharpe above 95%", "as good as the threshold"), 1),
    "0% where trials are independent, {}% at a correlation of 0.5, {}% from 0.9 on": lambda: (
        *measured("Deflated Sharpe above 95%", "correlation 0.5", 5),
        *measured("Deflated Sharpe above 95%", "correlation 0.9", 5)[:1],
    ),
}
DESIGN_SIZES = {
    "covers {}–{}% where": lambda: [
        100 - one for one in reversed(spread(measured("Sharpe: true ratio outside the t_ν interval")))
    ],
    "is found {:.0f}%, not {:.0f}%, of the time": lambda: (
        *measured("circular shift: p at the floor 1/T", "14 quarters, lags (0, 1, 2, 3, 4), planted"),
        *measured("circular shift: p at the floor 1/T", "14 quarters, lags (1,), planted"),
    ),
    "a true null is rejected {:.0f}% of the time, not 5%": lambda: measured(
        "the same, suppliers taken as independent", "shock 0.7, mean slope 0"
    ),
    "misses a small exposure with an edge ({:.0f}% found, not {:.0f}%)": SIZES[
        "small exposure with an edge among large ones without ({:.0f}% found, not {:.0f}%)"
    ],
    "errors from autocovariances, rejects noise {:.0f}% of the time, not 5%": lambda: measured(AUTOCOVARIANCES),
    "in no search through independent trials and in {}% through ones correlated by 0.9": lambda: measured(
        "Deflated Sharpe above 95%", "correlation 0.9", 5
    )[:1],
    "misses an edge that many settings share ({:.0f}% where PBO and SPA find all)": lambda: measured(
        "Deflated Sharpe above 95%", "20 with an annual ratio of 2"
    ),
    "in up to 10% of runs (two families of 5%; measured: {})": lambda: [max(corrected(), key=lambda one: float(one[:-1]))],
}


def spread(found, digits=0):
    low, high = (round(end(found), digits) for end in (min, max))
    return [int(low), int(high)] if digits == 0 else [low, high]


def corrected():
    """Return how often anything stands on noise after correction, by strategy, as audit.md has it."""
    return [row[3] for row in rows(BENCHMARKS["audit.md"]) if row[1] == "any, after correction"]


@pytest.mark.parametrize("sentence", SIZES)
def test_the_summary_of_the_sizes_says_what_its_table_has(sentence):
    assert sentence.format(*SIZES[sentence]()) in one_line(BENCHMARKS["sizes.md"])


@pytest.mark.parametrize("sentence", DESIGN_SIZES)
def test_design_cites_the_measured_sizes(sentence):
    assert sentence.format(*DESIGN_SIZES[sentence]()) in one_line(TEXT["DESIGN.md"] + DECISIONS)


def test_the_summary_of_the_audit_says_what_its_table_has():
    shares = sorted(float(one[:-1]) for one in corrected())
    assert f"something stands in {shares[0]}% to {shares[-1]}% of worlds of noise" in one_line(BENCHMARKS["audit.md"])


# Speed.


def test_the_documented_speed_is_that_of_the_benchmarks():
    speed = TEXT["docs/reference/speed.md"]
    assert len(rows(speed)) == 22
    assert [row for row in rows(speed) if row not in rows(BENCHMARKS["speed.md"])] == []
    figures = re.findall(r"[\d.,]+ (?:us|ms) a (?:book|setting)|\d+ us|\d+ ms|[\d.]+×", one_line(speed))
    assert [figure for figure in figures if figure not in one_line(BENCHMARKS["speed.md"])] == []
    assert "python benchmarks/sweeps.py --write" in speed
    assert "python benchmarks/runs.py --write" in speed
    assert sorted(names(speed)) == sorted(names(BENCHMARKS["speed.md"])) == ["run_speed", "sweep_speed"]


def test_design_s_speed_is_that_of_the_benchmarks():
    said = re.search(r"one book alone takes (\d+ ms), .*? for ([\d.]+ ms) in the kernel", one_line(TEXT["DESIGN.md"]))
    times = {row[0]: row[1] for row in rows(BENCHMARKS["speed.md"])}
    ours, kernel = (next(time for way, time in times.items() if words in way) for words in ("execution.trade", "kernel alone"))
    assert said.groups() == (ours, kernel)


def test_what_the_strategies_came_to_is_that_of_the_runs(results):
    assert (
        "did much worse than rotating among the same themes by past prices alone: compare `trend_rotation` with its control"
        in TEXT["docs/reference/strategies.md"]
    )
    shifts, prices_alone = (results[name].books[name].windows for name in ("trend_rotation", "momentum_rotation"))
    for sample in ("in sample", "out of sample"):
        assert 1.0 + shifts[sample].total_return < 0.7 * (1.0 + prices_alone[sample].total_return)
    assert (
        "did better than `trend_rotation` and still worse than that control and than all five themes in equal parts"
        in TEXT["docs/reference/strategies.md"]
    )
    pace = results["pace_rotation"].books["pace_rotation"]
    for sample in ("in sample", "out of sample"):
        assert shifts[sample].total_return < pace.windows[sample].total_return < prices_alone[sample].total_return
        assert pace.control.twin[sample].difference < 0.0
    for name, book in (("fundamental_growth", "fundamental_growth"), ("surprise", "supply_chain")):
        whole = results[name].books[book].control.twin["whole"]
        assert whole.difference < 0.0 < whole.interval[1], name


def test_the_readme_s_findings_are_those_of_the_runs(results):
    sentence = (
        "Over the whole run, no signal beat its control, the same basket held without it, beyond chance; "
        "two, `multiplier` and `trend_rotation`, cost more than chance explains"
    )
    assert sentence in TEXT["README.md"]
    assert sentence in TEXT["docs/reference/strategies.md"]
    controls = [(name, book.control) for name, result in results.items() for book in result.books.values() if book.control]
    intervals = [(name, control.twin["whole"].interval) for name, control in controls]
    assert len(intervals) == 8
    assert [name for name, (low, _) in intervals if low > 0.0] == []
    assert sorted(name for name, (_, high) in intervals if high < 0.0) == ["multiplier", "trend_rotation"]


def test_the_readme_counts_the_claims_as_they_are(archive):
    findings = judged(archive, as_of_moment(KNOWN_ON))
    written = sum(one.when_written.verdict == "contradicted" for one in findings)
    since = sum(bool(one.since) and one.since.verdict == "contradicted" for one in findings)
    sentence = (
        f"Of the {len(findings)} claims, {NUMBERS[written]} were contradicted when they were written, and {NUMBERS[since]} by"
    )
    assert sentence in TEXT["README.md"]


# Counts and constants.


def default(command, option):
    """Return the default of an option, as `--help` has it."""
    (found,) = [one for one in commands()[command].params if option in one.opts]
    return found.default


def halved():
    """Return the day from which sales in Shanghai pay half the stamp duty."""
    before, after = load_markets()["XSHG"].dated["any", "duty_bps"]
    assert after.value == before.value / 2
    return f"{after.since}"


def yearly_sessions():
    markets = load_markets()
    alone = [markets[code].sessions_a_year for code in ("XSHG", "XNYS", "XKRX")]
    return [*alone, sessions_a_year([markets["XSHG"], markets["XNYS"]])]


def hypothesis_counts():
    primary = [one.primary for one in load_thesis().hypotheses]
    return NUMBERS[sum(primary)], len(primary) - sum(primary)


SENTENCES = {
    "prints all {} with every reading tried": lambda: [len(load_claims(load_thesis()))],
    "Below {} returns no Sharpe ratio": lambda: [refusal.FEWEST_OBSERVATIONS],
    "within {:g}% of the embedded one is equal": lambda: [100 * reconcile.EQUAL_WITHIN],
    "within {:g}% a revision": lambda: [100 * reconcile.CONFLICT_BEYOND],
    "after `--audit-seconds` ({:g})": lambda: [default("run", "--audit-seconds")],
    "`--reports N` ({})": lambda: [default("sweep", "--reports")],
    "stamp duty on sales (halved on {})": lambda: [halved()],
    "or {} and {} days late": lambda: leak_budget.DELAYS,
    "the best {} sessions": lambda: [NUMBERS[influence.BEST_DAYS]],
    "values in local currency ({} to {})": lambda: [f"{day:%Y-%m}" for day in embedded().index[[0, -1]]],
    "XSHG {}, XNYS {}, XKRX {}, the first two together {}": yearly_sessions,
    "No Sharpe ratio below {} returns": lambda: [refusal.FEWEST_OBSERVATIONS],
    "below {} returns ({} quarters, {} for two states)": lambda: [
        refusal.FEWEST_OBSERVATIONS, hac.FEWEST_QUARTERS, markov_switching.FEWEST_RETURNS,
    ],
    "(equal {:g}%, revised up to {:g}%": lambda: [100 * reconcile.EQUAL_WITHIN, 100 * reconcile.CONFLICT_BEYOND],
    "trail by more than {} sessions": lambda: [NUMBERS[live.LATE_BY]],
    "{} paths of targets at a time": lambda: [PATHS_TOGETHER],
    "A chunk is at most {} neighbours": lambda: [SETTINGS_PER_CHUNK],
    "CapEx leads by {} quarter; slopes' deviation half-t of scale {:g}; a supplier needs {} quarters": lambda: [
        NUMBERS[growth.LAG], growth.PRIOR_SCALE, growth.FEWEST_QUARTERS,
    ],
    "Deflated Sharpe at least {:.0%}, PBO and SPA at most {:.0%}": lambda: [checks.ENOUGH, checks.RARE],
    "corrected by Holm over the {} primary ones; the {} others": hypothesis_counts,
}  # fmt: skip


def embedded():
    return reference.load_prices(["NVDA", "QQQ"]).wealth


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_constant_in_a_document_is_that_of_the_code(sentence):
    assert sentence.format(*SENTENCES[sentence]()) in one_line("\n".join(TEXT.values()))


def test_the_list_of_decisions_names_every_page_and_no_other():
    names = {path.name for path in (ROOT / "docs" / "decisions").glob("*.md")} - {"README.md"}
    listed = {name: title for title, name in re.findall(r"- \[(.*)\]\((\w+\.md)\)", TEXT["docs/decisions/README.md"])}
    assert set(listed) == names
    assert all(TEXT[f"docs/decisions/{name}"].startswith(f"# {title}\n") for name, title in listed.items())


@pytest.mark.parametrize(("name", "most"), [("README.md", 90), ("DESIGN.md", 120)])
def test_the_first_documents_stay_short(name, most):
    assert len(TEXT[name].splitlines()) <= most


SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!\bal)[.!?] (?=[A-Z`])")


@pytest.mark.parametrize("name", sorted(TEXT))
def test_a_document_has_one_sentence_a_line(name):
    prose = re.sub(r"```.*?```", "", TEXT[name], flags=re.DOTALL)
    assert [line for line in prose.splitlines() if not line.startswith("|") and SENTENCE_END.search(line)] == []


def test_the_document_on_claims_has_every_measure_argument_and_field():
    text = TEXT["docs/how_to/claim.md"] + TEXT["docs/reference/measures.md"]
    arguments = {name for measure in MEASURES.values() for name in signature(measure).parameters if name != "panel"}
    wanted = {*MEASURES, *arguments, *Claim.model_fields, *get_args(Test)}
    assert sorted(name for name in wanted if f"`{name}`" not in text) == []


@pytest.mark.parametrize("name", sorted(name for name, text in TEXT.items() if names(text)))
def test_what_a_page_has_from_code_and_tables_is_what_they_have_now(name):
    anew = made(TEXT[name], leave=("verdicts",))  # tests/report/test_page.py has those, with the archive that tests share
    assert TEXT[name] == anew, "python tools/documents.py"


def test_what_the_benchmarks_page_has_of_sweeps_is_what_was_measured_last():
    assert made(BENCHMARKS["speed.md"]) == BENCHMARKS["speed.md"], "python tools/documents.py"


def test_no_source_cites_a_numbered_part_of_design_that_says_something_else():
    cited = {
        str(path.relative_to(ROOT)): found
        for top in ("backtest", "benchmarks", "strategies", "tools")
        for path in (ROOT / top).rglob("*")
        if path.suffix in (".py", ".md", ".sh") and (found := re.findall(r"DESIGN(?:\.md)?,? (?:§ ?)?\d+", path.read_text()))
    }
    assert cited == {}


@pytest.mark.parametrize("kind", [Book, RunResult])
def test_a_docstring_names_fields_that_there_are(kind):
    named = set(re.findall(r"`([a-z_]+)`", kind.__doc__))
    assert named <= {*kind.__dataclass_fields__, *dir(kind)}


# Names.


def test_the_documents_name_every_command_and_every_option():
    text = TEXT["docs/reference/commands.md"]
    options = {option for command in commands().values() for one in command.params for option in one.opts if option[0] == "-"}
    assert len(options) > 30
    assert [name for name in commands() if f"### {name}\n" not in text] == []
    assert [option for option in options - {"--help"} if f"`{option}" not in text] == []


def test_every_file_that_the_documents_name_is_there():
    names = {
        one
        for text in TEXT.values()
        for one in re.findall(r"`((?:backtest|benchmarks|sweeps|tests|strategies)/[\w/]+\.\w+)`", text)
    }
    linked = {(ROOT / name).parent / one for name, text in TEXT.items() for one in re.findall(r"\]\(([\w/.]+\.\w+)\)", text)}
    assert names
    assert linked
    written = {"strategies/climb.py"} | {
        block.file for text in TEXT.values() for block in blocks(text)
    }  # by a reader, in a folder of his own
    assert [one for one in sorted(names - written) if "NAME" not in one and not (ROOT / one).exists()] == []
    assert [one for one in sorted(linked) if not one.exists()] == []


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_the_grid_of_a_sweep_without_one_suits_every_strategy_on_embedded_prices(path):
    spec, grid = load_strategy(path), load_grid(DEFAULT_GRID)
    assert len(Settings(spec, grid)) == 32
