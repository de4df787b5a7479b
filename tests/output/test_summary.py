"""A run in a few lines: what it says is what result.json says, it fits a terminal, and no text of the data becomes markup."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from backtest.execution.window_statistics import WindowStatistics
from backtest.files.documents import to_json
from backtest.output.document import to_document
from backtest.output.summary import claim_lines, markdown, terminal

STRATEGIES = Path(__file__).parents[2] / "strategies"


@pytest.fixture(scope="module", params=["supply_chain_excess", "theme_baskets"])
def document(request, results):
    return json.loads(to_json(to_document(results[request.param])))


def true_minus(text):
    return text.replace("-", "−")


def test_a_terminal_of_eighty_columns_shows_every_book_in_both_samples(document):
    text = terminal(document)
    assert max(map(len, text.splitlines())) <= 80
    for name, book in document["books"].items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name:<18}")]
        for window in ("in sample", "out of sample"):
            figures = book["windows"][window]
            assert true_minus(f"{figures['total_return']:+.1%}") in line
            assert true_minus(f"{figures['sharpe']:.2f} ± {figures['sharpe_error']:.2f}") in line


def test_the_contradicted_claims_are_named(document):
    for span in ("when_written", "since"):
        against = [row["id"] for row in document["claims"] if row[span] and row[span]["verdict"] == "contradicted"]
        assert against
        assert f"Contradicted: {', '.join(against)}." in " ".join(terminal(document).split())


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
    for text in (terminal(document), markdown(document)):
        assert f"The claims of the thesis interconnect as known on {last}. When written:" in " ".join(text.split())


@pytest.mark.parametrize("width", [80, 120])
def test_claims_fit_the_terminal_and_lose_no_word(document, width):
    rows = document["claims"]
    text = claim_lines(rows, "2026-06-26", width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    assert "as known on 2026-06-26" in words
    for claim in rows:
        assert claim["sentence"] in words
        for reading in claim["readings"]:
            assert reading["reading"] in words


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


def test_hostile_names_stay_text_and_inside_their_lines(document):
    evil = "<script>alert(1)</script> | [x](javascript:1) @all `a` \u202eabc\n# head" + "y" * 300
    (name, book), *_ = document["books"].items()
    hostile = {**document, "spec": {**document["spec"], "title": evil}, "books": {evil: book, name: book}}
    assert max(map(len, terminal(hostile).splitlines())) <= 80
    assert "\u202e" not in terminal(hostile)
    text = markdown(hostile)
    assert "<script>" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("# ") for line in text.splitlines())
    assert "[x](" not in text
    assert "@all" not in text


def test_a_window_without_sessions_is_a_dash(document):
    (name, book), *_ = document["books"].items()
    empty = {**book, "windows": {"in sample": asdict(WindowStatistics("in"))}}
    line = next(line for line in terminal({**document, "books": {name: empty}}).splitlines() if line.startswith(name))
    assert line.split()[1:] == ["—"] * 6
