"""A page says what the RunResult says, in a document that asks for nothing else."""

import html
import re
import shlex
from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from verdict_parts import claims_table

from backtest.analysis.capacity import share_text
from backtest.calendars import as_of_moment
from backtest.claims.ledger import judged
from backtest.claims.table import verdict_rows
from backtest.cli.app import app
from backtest.output.claim_lines import claim_lines
from backtest.output.comment import markdown
from backtest.output.document import claim_rows, to_document
from backtest.output.summary import terminal
from backtest.report import glossary, render, sections_of
from backtest.text.screen import Screen

NAMES = ("revenue_capex_ratio", "supply_chain_excess", "theme_baskets")
MOST_BYTES = 3_000_000
VERDICTS = (Path(__file__).parents[2] / "docs" / "explanation" / "verdicts.md").read_text(encoding="utf-8")


def percent(value, sign="+"):
    return f"{100 * value:{sign},.1f}%".replace("-", "−")


def row_of(rows, window):
    """Return the row of a window: windows of the same days share one."""
    (found,) = [row for name, row in rows.items() if window in name.split(" = ")]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_window_of_every_book_shows_its_figures_in_its_row(name, results, pages, read):
    page = read(pages[name])
    for book in results[name].books.values():
        rows = page.table(f"{book.title}: figures per window")
        for window, found in book.windows.items():
            row = row_of(rows, window)
            assert row[1] == str(found.n)
            assert row[2].startswith(percent(found.total_return))
            ends, ratio, fallen, turnover, costs, orders = row[3:]
            assert (ends == "—") == (found.ends is None)
            if found.sharpe is None:
                assert ratio == f"— n = {found.n} < 30"
            else:
                low, high = found.sharpe_interval
                wanted = f"{found.sharpe:.2f} ± {found.sharpe_error:.2f} {low:.2f} to {high:.2f}"
                assert ratio == wanted.replace("-", "−")
                lower, upper = (f"{100 * one:+,.0f}%".replace("-", "−") for one in found.return_interval)
                assert f"{lower} to {upper}" in row[2]
            assert fallen.startswith(percent(found.max_drawdown, sign=""))
            assert turnover == f"{found.turnover:.2f}×"
            assert costs == f"{100 * found.costs:.2f}%"
            assert orders == f"{found.orders:,}"


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_of_every_book_shows_its_return_and_where_it_is_shorter_its_span(name, results, pages, read):
    page = read(pages[name])
    for book in results[name].books.values():
        rows = page.table(f"{book.title}: total return of its benchmarks")
        for ticker, returns in book.benchmark_windows.items():
            row = rows[results[name].names[ticker].name]
            for window, found in book.windows.items():
                (place,) = [place for place, column in enumerate(rows["Benchmark"]) if window in column.split(" = ")]
                span = returns[window]
                if span.total_return is None:
                    assert row[place].startswith("—")
                    continue
                assert row[place].startswith(percent(span.total_return))
                said = f"{span.base} to {span.last}, the book {percent(span.book_return)} there"
                assert (said in row[place]) == ((span.base, span.last) != (found.base, found.last))


def test_the_overview_shows_every_book_in_every_window(results, pages, read):
    rows = read(pages["theme_baskets"]).table("Total return of every book")
    header = rows["Book"]
    for name, book in results["theme_baskets"].books.items():
        row = rows[name.replace("_", " ")]
        for window, found in book.windows.items():
            column = next(number for number, title in enumerate(header) if window in title.split(" = "))
            assert row[column].startswith(percent(found.total_return))


@pytest.mark.parametrize("name", NAMES)
def test_the_outcome_gives_return_sharpe_and_hindsight_of_the_days_after_the_report(name, results, pages, read):
    lead = next(text for text in read(pages[name]).text if text.startswith("After the report"))
    found = [book.windows["out of sample"] for book in results[name].books.values()]
    best = max(found, key=lambda one: one.total_return)
    assert percent(best.total_return) in lead
    assert percent(min(one.total_return for one in found)) in lead
    assert f"Sharpe {best.sharpe:.2f} ± {best.sharpe_error:.2f}" in lead
    assert f"n = {best.n} sessions" in lead
    assert "Hindsight" in lead


@pytest.mark.parametrize("name", ["revenue_capex_ratio", "supply_chain_excess"])
def test_every_quarter_of_a_signal_shows_value_day_and_doubt(name, results, pages, read):
    quarters = results[name].signals[name]
    rows = read(pages[name]).table(f"{name.replace('_', ' ').capitalize()} by calendar quarter")
    assert len(rows) == len(quarters) + 1
    for quarter, reading in quarters.items():
        _, value, known_at, evidence, confidence, behind = rows[quarter]
        assert value == f"{reading.value:.3f}".replace("-", "−")
        assert known_at == reading.known_at
        assert evidence == reading.evidence
        assert confidence == ("low confidence" if reading.confidence == "low" else reading.confidence)
        assert all(one.source in behind and one.entity in behind for one in reading.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_orders_are_totalled_and_the_newest_fifty_listed(name, results, pages, read):
    page = read(pages[name])
    for book in results[name].books.values():
        row = page.table("Orders of each book")[book.basket.replace("_", " ")]
        assert row[1] == f"{len(book.orders):,}"
        assert row[4] == f"{book.orders['value'].sum():,.0f} {book.currency}"
        assert row[5] == f"{book.orders['cost'].sum():,.0f} {book.currency}"
        assert row[7:11] == [str(len(table)) for table in (book.unfilled, book.late, book.exits, book.differences)]
        assert row[11] == share_text(book.largest_order.share)
        assert book.largest_order.with_volume > 0
        (table,) = [one for one in page.tables if one["caption"].startswith(f"{book.title}: Orders, ")]
        assert len(table["rows"]) == min(len(book.orders), 50) + 1
        assert len(book.orders) <= 50 or f"50 of {len(book.orders)} rows" in table["caption"]


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_of_the_last_close_stand_beside_names_targets_and_what_the_next_orders_would_be(name, results, pages, read):
    page = read(pages[name])
    for book in results[name].books.values():
        rows = page.table(f"{book.title}: now, and what the next orders would be")
        weights = book.shares.iloc[-1]
        assert book.holdings_now.sentence in page.text
        for ticker in weights[weights != 0.0].index:
            now, row = book.holdings_now.names[ticker], rows[results[name].names[ticker].name]
            assert results[name].names[ticker].name_zh in row[0]
            assert row[1:5] == [
                ticker, percent(weights[ticker], sign=""), percent(now.target, sign=""), percent(now.target - weights[ticker])
            ]  # fmt: skip
            assert row[5].lstrip("+−").replace(",", "") == f"{abs(now.value):.0f}"
            assert row[6].split()[0].lstrip("+−").replace(",", "") == f"{abs(now.shares):.0f}"


@pytest.mark.parametrize("name", NAMES)
def test_ids_sources_and_the_command_are_on_the_page(name, results, pages, read):
    result, said = results[name], " ".join(read(pages[name]).text)
    assert all(one in said for one in (result.spec_id, result.data_id, result.code_id, result.prices.adjustment))
    assert f"capex-backtest run {name} --prices reference" in said
    inputs = [one for quarters in result.signals.values() for reading in quarters.values() for one in reading.inputs]
    assert all(one.source in said for one in inputs)
    assert all(note in said for note in result.notes)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_result_gives_the_same_bytes(name, results, pages):
    assert render(results[name]) == pages[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_for_nothing_and_runs_its_own_script_only(name, pages, read):
    page = read(pages[name])
    policy = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    scripts = re.findall(r"<script>(.*?)</script>", pages[name], flags=re.DOTALL)
    allowed = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(allowed) == 1
    assert policy == [f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed[0]}'; img-src data:"]
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "form", "base", "image")
        for attribute, value in attributes.items():
            assert not attribute.startswith("on")
            if attribute in ("src", "href", "xlink:href"):
                leads_outside = tag == "a" and value.startswith("https://")  # a source's address, asked for by a click alone
                assert leads_outside or re.fullmatch(r"#.+|data:,|\.\./index\.html", value)
    assert not re.search(r"@import|url\((?!#)", pages[name])
    assert len(pages[name].encode()) < MOST_BYTES


def test_no_paragraph_is_empty(pages):
    for name, text in pages.items():
        assert not re.search(r"<(p|li|h\d|figcaption|summary)\b[^>]*>\s*</\1>", text), name


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_every_reference_finds_its_own(name, pages, read):
    page = read(pages[name])
    assert len(page.ids) == len(set(page.ids))
    wanted = {value[1:] for _, a in page.elements for key, value in a.items() if key == "href" and value.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)$]+)\)", pages[name]))  # the script makes its own: url(#${clip})
    wanted |= {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert wanted <= set(page.ids)


@pytest.mark.parametrize("name", NAMES)
def test_headings_follow_in_order_and_tables_and_charts_name_themselves(name, pages, read):
    page = read(pages[name])
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(table["caption"] for table in page.tables)
    assert all(a.get("scope") for tag, a in page.elements if tag == "th")
    charts = [a for tag, a in page.elements if tag == "svg"]
    assert charts
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)


def test_every_figure_in_a_table_is_defined_on_the_page(results, pages, read):
    for name, result in results.items():
        shown = [table for section in sections_of(result) for table in glossary.tables(section.blocks)]
        undefined = {column.text for table in shown for column in table.columns if column.numeric and not glossary.term(column)}
        assert undefined == set(), f"{name}: want a row in glossary.TERMS, or a Column's term"
        page = read(pages[name])
        wanted = {str(a["data-term"]) for _, a in page.elements if "data-term" in a}
        assert wanted
        assert wanted <= set(page.ids)


def test_a_field_of_the_spec_that_is_none_is_read_as_what_it_means(results, pages, read):
    for name, result in results.items():
        rows = read(pages[name]).table("The values that define the run")
        assert result.spec.cost_bps is None
        assert rows["cost_bps"][1] == "none: the costs of each market's rules"
        assert rows["end"][1] == "none: to the last session"
        assert not any(row[1].startswith("none: to") for field, row in rows.items() if field != "end")


def test_every_verdict_stands_with_the_day_it_is_of(results, pages, read):
    page = read(pages["supply_chain_excess"])
    end = max(window.end for window in results["supply_chain_excess"].windows)
    header = page.table("The claims ledger")["Claim"]
    assert header[3:5] == ["When written, 2025-07-23", f"Since, to {end:%Y-%m-%d}"]
    tally = next(text for text in page.text if text.startswith("Of 25 claims"))
    assert f"on what came since, to {end:%Y-%m-%d}:" in tally
    assert not any("now" in column.lower().split() for column in header)


def test_what_a_chart_calls_known_last_is_what_the_page_calls_the_latest(results):
    for result in results.values():
        for name, quarters in result.readings.items():
            if quarters:
                newest = list(quarters.values())[-1].value
                assert list(result.seen[name].values())[-1] == pytest.approx(newest, abs=1e-12), name


def test_the_last_day_of_the_slider_has_the_verdicts_and_figures_of_the_claims(results, pages, read):
    page = read(pages["supply_chain_excess"])
    end = max(window.end for window in results["supply_chain_excess"].windows)
    (changes,) = [one for one in page.tables if one["caption"].startswith("Every change of what was known")]
    rows = [row for row in changes["rows"] if len(row) == 3 and row[0] and row[2][0][0].isalpha()]  # a verdict, not a signal
    last = {row[0][0]: row[2][0] for row in rows}
    assert list(results["supply_chain_excess"].known)[-1] == f"{end:%Y-%m-%d}"
    for claim, row in page.table("The claims ledger").items():
        if claim != "Claim":
            assert f"over all that is known {last[claim]}" in row[6]


def test_page_terminal_and_document_have_the_same_rows_of_claims(results, pages, read, archive):
    result = results["supply_chain_excess"]
    rows = {row.id: (row.when_written, row.since) for row in verdict_rows(result.claims)}
    table = read(pages["supply_chain_excess"]).table("The claims ledger")
    del table["Claim"]
    assert {name: tuple(cell.removesuffix(" contradicted") for cell in row[3:5]) for name, row in table.items()} == rows
    text = claim_lines(claim_rows(result.claims), "2026-07-31", Screen(1000))
    assert all(f": {cell}\n" in text for row in rows.values() for cell in row if cell != "—")
    (known_on,) = re.findall(r"\| since, to (\S+) \|", VERDICTS)
    assert claims_table(judged(archive, as_of_moment(known_on))) in VERDICTS


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_page_are_commands_that_there_are(name, pages):
    found = [shlex.split(html.unescape(one)) for one in re.findall(r"<code>(capex-backtest .*?)</code>", pages[name])]
    assert [one[1:3] for one in found] == [["run", name], ["run", name], ["sweep", name]]
    assert [one[-1] == "--audit" for one in found] == [True, False, False]
    for words in found:
        parser = typer.main.get_command(app).commands[words[1]]
        parser.make_context(words[1], words[2:])
    assert "--grid" not in found[2]


def test_the_order_of_the_sections_is_the_order_of_the_questions(pages, read):
    page = read(pages["supply_chain_excess"])
    wanted = [
        "outcome", "catalysts", "demand", "thesis", "claims", "shifts", "signals", "books", "attribution", "risk", "holdings",
        "orders", "luck", "known", "provenance",
    ]  # fmt: skip
    assert [one for one in page.ids if one in wanted] == wanted


def test_page_terminal_and_json_say_what_is_held_back(results, pages):
    document = to_document(results["revenue_capex_ratio"])
    row = document["staleness"]["revenue_capex_ratio"]
    assert (row["missing"], row["since"], row["read"]) == (("NVDA data_center_revenue",), "2026-07-30", True)
    texts = pages["revenue_capex_ratio"], " ".join(terminal(document).split()), markdown(document).replace("\\", "")
    for text in texts:
        assert (
            "is held back: decisions use its value of 2026Q1 (+0.254), because NVDA data_center_revenue of 2026Q2 is missing"
            in text
        )


def test_books_that_end_on_other_days_stand_beside_the_span_that_all_have(results, pages, read):
    result, rows = results["theme_baskets"], read(pages["theme_baskets"]).table("Own and common span")
    for window, column in (("in sample", 1), ("out of sample", 3)):
        span = result.common_spans[window]
        assert span.last == min(book.windows[window].last for book in result.books.values())
        for name, book in result.books.items():
            own, shared = rows[name.replace("_", " ")][column : column + 2]
            assert own.startswith(percent(book.windows[window].total_return))
            assert shared == percent(span.returns[name])
            values = book.equity.loc[: span.last].iloc[-1] / book.equity.loc[: span.base].iloc[-1] - 1.0
            assert span.returns[name] == pytest.approx(values)


def test_the_page_names_what_moved_prices_and_counts_demand_from_chips(pages, read):
    page = read(pages["supply_chain_excess"])
    sora = page.table("The three most unusual sessions of events")["2024-02-19"]
    assert sora[1:3] == ["XSHG", "Sora text-to-video shown"]
    assert "not distinguishable" not in " ".join(sora)
    assert "above, XSHG" in page.table("Returns on the first session after figures above and below")
    assert page.table("What a chip needs by network")["GB200 NVL72"][1] == "— not available"
    assert "the 37.1 million disclosed as sold lie within." in " ".join(page.text)
