"""A run in a few lines: what it says is what result.json says, it fits a terminal, and no text of the data becomes markup."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from backtest.execution.window_statistics import WindowStatistics
from backtest.files.documents import to_json
from backtest.output.claim_lines import claim_lines
from backtest.output.comment import markdown
from backtest.output.document import to_document
from backtest.output.signal_lines import signal_lines
from backtest.output.summary import terminal
from backtest.text.screen import Screen

STRATEGIES = Path(__file__).parents[2] / "strategies"


@pytest.fixture(scope="module", params=["supply_chain_excess", "theme_baskets"])
def document(request, results):
    return json.loads(to_json(to_document(results[request.param])))


def true_minus(text):
    return text.replace("-", "−")


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_every_book_in_both_samples_beside_what_it_is_compared_with(document, width):
    lines = terminal(document, Screen(width)).splitlines()
    assert max(map(len, lines)) <= width
    several = len(document["books"]) > 1
    for name, book in document["books"].items():
        declared = book["benchmarks"][book["declared_benchmark"]]
        for window in ("in sample", "out of sample"):
            figures = book["windows"][window]
            start = lines.index(next(line for line in lines if line.startswith(window)))
            rows = [line for line in lines[start:] if name in line.split()] if several else [lines[start]]
            shown = [true_minus(f"{total:+,.1%}") for total in (figures["total_return"], declared[window]["total_return"])]
            assert all(figure in rows[0] for figure in shown)
            ratio = true_minus(f"{figures['sharpe']:.2f} ± {figures['sharpe_error']:.2f}")
            assert any(ratio in line for line in lines)
            for control in ("twin", "held") if book["control"] else ():
                assert true_minus(f"{book['control'][control][window]['total_return']:+,.1%}") in rows[0]


def test_the_verdict_stands_before_the_figures_and_these_before_the_caveats(document):
    text = words(terminal(document))
    places = [text.index(part) for part in (document["lead"], "Sharpe ± error", "Capacity is not modelled")]
    assert places == sorted(places)
    assert text.count(document["lead"].split(". ")[0]) == 1


def test_a_benchmark_that_ends_before_its_book_says_so_with_the_book_s_return_up_to_there(document):
    text = words(terminal(document))
    for name, book in document["books"].items():
        compared, whole = book["benchmarks"][book["declared_benchmark"]]["out of sample"], book["windows"]["out of sample"]
        if compared["last"] != whole["last"]:
            assert f"{name} {true_minus(format(compared['book_return'], '+.1%'))}" in text
            assert f"* benchmark {compared['base']} to {compared['last']} only" in text
    assert ("* benchmark" in text) == (document["strategy"] == "theme_baskets")


def test_colours_are_for_a_terminal_alone(document):
    for shown in (terminal, lambda rows, screen: claim_lines(rows["claims"], "2026-06-26", screen)):
        coloured, plain = shown(document, Screen(80, True)), shown(document, Screen(80))
        assert "\x1b[" in coloured
        assert "\x1b[" not in plain


def test_the_contradicted_claims_are_named_and_all_are_counted(document):
    lines = terminal(document).splitlines()
    for span, title in (("when_written", "when written"), ("since", "since")):
        verdicts = [row[span]["verdict"] for row in document["claims"] if row[span]]
        against = [row["id"] for row in document["claims"] if row[span] and row[span]["verdict"] == "contradicted"]
        assert against
        assert f"Contradicted {title}: {', '.join(against)}." in words("\n".join(lines))
        (counts,) = [line.removeprefix(title).split() for line in lines if re.fullmatch(rf"{title}[ \d]+", line)]
        assert sum(map(int, counts)) == len(verdicts)


def test_markdown_has_a_row_per_book_and_window_and_one_per_claim(document):
    rows = [line for line in markdown(document).splitlines() if line.startswith("| ")]
    windows = sum(len(book["windows"]) for book in document["books"].values())
    assert len(rows) == windows + len(document["claims"]) + 2
    assert all(line.count("|") - line.count("\\|") in (5, 7) for line in rows)
    figures = document["books"][next(iter(document["books"]))]["windows"]["out of sample"]
    assert true_minus(f"| out of sample | {figures['total_return']:+.1%} |") in markdown(document)


def tables(text):
    """Return the tables that a Markdown parser reads: per row the texts of its cells."""
    rows_of_tables = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            rows_of_tables.append([])
        elif token.type == "tr_open":
            rows_of_tables[-1].append([])
        elif token.type == "inline" and rows_of_tables and token.level >= 3:
            rows_of_tables[-1][-1].append(token.content)
    return rows_of_tables


def test_a_markdown_parser_reads_two_tables_whose_rows_are_as_wide_as_their_headers(document):
    (name, book), *_ = document["books"].items()
    claims = [{**document["claims"][0], "id": "a | b"}, *document["claims"][1:]]
    for changed in (document, {**document, "books": {"x | y": book, name: book}, "claims": claims}):
        books, ledger = tables(markdown(changed))
        assert [len(row) for row in books] == [6] * (1 + sum(len(book["windows"]) for book in changed["books"].values()))
        assert [len(row) for row in ledger] == [4] * (1 + len(changed["claims"]))
        assert ledger[0] == ["Claim", "Its figure", "When written", "Since"]
        for row, claim in zip(ledger[1:], changed["claims"], strict=True):
            assert row[2].startswith(claim["when_written"]["verdict"])
            assert row[3].startswith(claim["since"]["verdict"] if claim["since"] else "—")


def test_the_claims_say_the_day_they_are_known_on(document):
    last = {"supply_chain_excess": "2026-07-31", "theme_baskets": "2026-09-23"}[document["strategy"]]
    assert f"as known on {last}" in words(terminal(document))
    assert f"The claims of the thesis interconnect as known on {last}. When written:" in words(markdown(document))


def joined(text, from_column):
    """Return the words of a column whose cells go on in the lines below."""
    return words(" ".join(line[from_column:] for line in text.splitlines()))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_claims_fit_the_terminal_and_lose_no_word(document, width):
    claims = document["claims"]
    text = claim_lines(claims, "2026-06-26", Screen(width))
    assert max(map(len, text.splitlines())) <= width
    assert "as known on 2026-06-26" in words(text)
    parts = text.split("\n\n")[1:]
    for claim, part in zip(claims, parts, strict=False):
        assert part.startswith(claim["id"])
        assert claim["sentence"] in words(part)
        heading = next(line for line in part.splitlines() if re.search("holds +reading$", line))
        readings = joined(part, heading.index("reading"))
        for reading in claim["readings"]:
            assert reading["reading"] in readings
    rows = [line.split() for line in parts[len(claims)].splitlines()]
    assert [claim["id"] for claim in claims if not any(row[0] == claim["id"] for row in rows)] == []


def test_signals_stand_in_columns_and_a_delay_is_said():
    quarter = {"value": -0.0412, "known_at": "2026-06-03", "evidence": "reported", "confidence": "high"}
    signals = {
        "pace": {"score": -0.0412, "quarters": {"2025Q4": quarter | {"value": 1234.5}, "2026Q1": quarter}},
        "trend": {"score": {"optical": 1.0, "copper": float("nan")}, "quarters": {}},
    }
    text = signal_lines(signals, {"pace": "pace is held back: it waits. " * 8}, "2026-06-30", Screen(60))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 60
    first, second = (next(line for line in lines if line.startswith(f"  {name}")) for name in ("2025Q4", "2026Q1"))
    assert [first.index("2026-06-03"), first.index("reported")] == [second.index("2026-06-03"), second.index("reported")]
    assert first.split() == ["2025Q4", "+1,234.500", "2026-06-03", "reported", "high"]
    assert "pace: −0.041" in lines
    assert words(text).count("pace is held back: it waits.") == 8
    newest = {line.split()[0]: line.split()[1:] for line in text.split("\n\n")[-1].splitlines()}
    assert newest["pace"] == ["−0.041", "2026Q1", "−0.041", "2026-06-03"]
    assert newest["trend"] == ["1", "of", "2"]


def test_returns_of_a_basket_chosen_later_are_called_hindsight_in_every_format(document):
    def judged(out_of_sample):
        later = {"in sample": True, "out of sample": out_of_sample}
        return {
            name: {**book, "windows": {window: {**book["windows"][window], "hindsight": flag} for window, flag in later.items()}}
            for name, book in document["books"].items()
        }

    for form in (terminal, markdown):
        every, some = (" ".join(form({**document, "books": judged(flag)}).split()) for flag in (True, False))
        assert "Every return is hindsight, out of sample too: its basket was chosen after it began." in every
        assert "Returns of a basket chosen after they began are hindsight: in sample." in some


def test_what_was_not_audited_says_so_and_an_audit_gives_its_verdict(document):
    assert "luck was not judged (run --audit)" in " ".join(terminal(document).split())
    assert "None is supported." in terminal({**document, "audit": {"verdict": "None is supported."}})


EVIL = "<script>alert(1)</script> | [x](javascript:1) @all `a` \\| \u202eabc\n# head https://a.b *b* ~~s~~ &lt; " + "y" * 300


def test_hostile_names_stay_text_and_inside_their_lines(document):
    (name, book), *_ = document["books"].items()
    hostile = {**document, "spec": {**document["spec"], "title": EVIL}, "books": {EVIL: book, name: book}}
    for width in (60, 80):
        assert max(map(len, terminal(hostile, Screen(width)).splitlines())) <= width
    assert "\u202e" not in terminal(hostile)
    assert "y" * 300 in terminal(hostile).replace("\n", "")


@pytest.mark.parametrize("start", ["", "- ", "1. ", "2) ", "+ ", "> ", "    ", "# ", "== ", "```", "---"])
def test_markdown_shows_hostile_names_as_they_are_and_nothing_else(document, start):
    evil = start + EVIL
    (name, book), *_ = document["books"].items()
    claims = [{**document["claims"][0], "id": evil}, *document["claims"][1:]]
    hostile = {**document, "spec": {**document["spec"], "title": evil}, "books": {evil: book, name: book}, "claims": claims}
    hostile |= {"lead": evil}
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown(hostile))
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds == {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "inline"}
    inline = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inline for child in token.children} <= {"text", "code_inline", "text_special"}
    shown = words(evil.replace("\u202e", "").replace("\n", " "))
    texts = [words("".join(child.content for child in token.children).replace("\u2060", "")) for token in inline]
    assert texts.count(shown) == 3 + len(book["windows"])
    assert "@all" not in markdown(hostile)
    assert "https://" not in markdown(hostile)


def test_a_window_without_sessions_is_a_dash(document):
    (name, book), *_ = document["books"].items()
    empty = {**book, "windows": {"in sample": asdict(WindowStatistics("in"))}, "control": None, "benchmarks": {}}
    line = next(line for line in terminal({**document, "books": {name: empty}}).splitlines() if line.startswith("in sample"))
    assert line.split()[2:] == ["—"] * 4
