"""The front page links every strategy and says what came out of it."""

import json
import re
import statistics

from backtest.output.publish import publish_index
from backtest.report import render_index

RANKING = "The strategies, best first"


def true_minus(text):
    return text.replace("-", "−")


def middle_difference(document):
    """Return the name and the twin of the middle book by its difference out of sample, None without a signal."""
    twins = {
        name: book["control"]["twin"]["out of sample"]
        for name, book in document["books"].items()
        if book["control"] and "reason" not in book["control"]["twin"]
    }
    order = sorted(twins, key=lambda name: twins[name]["difference"])
    return (order[(len(order) - 1) // 2], twins[order[(len(order) - 1) // 2]]) if order else None


def test_strategies_with_a_signal_are_ranked_by_what_it_added_out_of_sample_and_those_without_by_their_excess(documents, read):
    shown = [name for name in read(render_index(documents)).table(RANKING) if name in {row["spec"]["title"] for row in documents}]
    with_signal = [row for row in documents if middle_difference(row)]
    expected = sorted(with_signal, key=lambda row: -middle_difference(row)[1]["difference"])
    assert shown[: len(expected)] == [row["spec"]["title"] for row in expected]
    assert len(expected) > 2
    (without,) = [row for row in documents if row not in with_signal]
    assert shown[len(expected) :] == [without["spec"]["title"]]
    assert shown != [row["spec"]["title"] for row in documents]


def test_a_rank_stands_with_the_difference_and_its_interval_or_why_there_is_none(documents, read):
    rows = read(render_index(documents)).table(RANKING)
    for document in documents:
        cell = rows[document["spec"]["title"]][1]
        if middle := middle_difference(document):
            figures = middle[1]
            low, high = (true_minus(f"{100 * bound:+,.1f}") for bound in figures["interval"])
            assert cell == f"{true_minus(format(100 * figures['difference'], '+,.1f'))} points 95% {low} to {high}"
        else:
            assert cell == "— no signal"
            excess = sorted(
                book["benchmarks"][book["declared_benchmark"]]["out of sample"]["excess"]
                for book in document["books"].values()
                if book["declared_benchmark"]
            )
            assert rows[document["spec"]["title"]][2].startswith(true_minus(f"{100 * excess[(len(excess) - 1) // 2]:+,.1f}"))
    short = json.loads(json.dumps([next(row for row in documents if middle_difference(row))]))
    for book in short[0]["books"].values():
        book["control"]["twin"]["out of sample"]["interval"] = {"reason": "12 observations", "n": 12}
    assert "no interval: 12 observations" in read(render_index(short)).table(RANKING)[short[0]["spec"]["title"]][1]


def test_every_strategy_is_a_line_of_both_overlays_whose_ends_are_what_it_returned(documents, read):
    page = read(render_index(documents))
    labels = {a["id"]: a["aria-label"] for tag, a in page.elements if tag == "svg" and "overlay" in str(a.get("id"))}
    assert sorted(labels) == [f"overlay-{which}-{size}" for which in ("out", "whole") for size in ("narrow", "wide")]
    for document in documents:
        if (middle := middle_difference(document)) is None:
            continue
        book = document["books"][middle[0]]
        for which, window in (("out", "out of sample"), ("whole", "whole")):
            end = f"{document['spec']['title']} {1 + book['windows'][window]['total_return']:,.2f}"
            assert end in labels[f"overlay-{which}-wide"]


def test_the_claims_stand_once_with_both_verdicts_and_the_day_they_are_known_on(documents, read):
    page = read(render_index(documents))
    boards = [table for table in page.tables if table["caption"].startswith("The claims of")]
    newest = max(documents, key=lambda row: max(window["end"] for window in row["windows"]))
    assert len(boards) == 1
    assert boards[0]["caption"].endswith(max(window["end"] for window in newest["windows"]))
    rows = {row[0][0]: row for row in boards[0]["rows"]}
    for claim in newest["claims"]:
        row = rows[claim["id"]]
        assert row[1][0] == claim["sentence"]
        assert row[3][0].startswith(claim["when_written"]["verdict"])
        assert row[4][0].startswith(claim["since"]["verdict"] if claim["since"] else "—")


def test_the_newest_price_and_figure_stand_at_the_top_as_days_that_the_browser_ages(documents):
    html = render_index(documents)
    header = html[html.index("<header>") : html.index("</header>")]
    prices = max(window["end"] for document in documents for window in document["windows"])
    figures = max(figure["known_at"][:10] for row in documents for claim in row["claims"] for figure in claim["inputs"])
    assert f'Reference prices to <time datetime="{prices}">' in header
    assert f'figures to <time datetime="{figures}">' in header


def test_that_returns_are_hindsight_is_said_once_and_ids_are_behind_a_fold(documents, read):
    html = render_index(documents)
    leads = [document["lead"] for document in documents]
    (text,) = [line for line in read(html).text if "hindsight" in line and line not in leads]
    assert text.startswith("Every return is hindsight, out of sample too")
    for document in documents:
        honest = any(not book["windows"]["out of sample"]["hindsight"] for book in document["books"].values())
        assert (f"out of sample in {document['spec']['title']}" in text) == honest
    assert not any(document["spec_id"] in re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL) for document in documents)


def test_every_strategy_is_linked_with_its_question_prices_and_ids(documents, read):
    page = read(render_index(documents))
    said = " ".join(page.text)
    for document in documents:
        assert ("a", {"href": f"{document['strategy']}/index.html"}) in page.elements
        assert document["spec"]["title"] in said
        assert document["spec"]["question"] in said
        assert all(document[name] in said for name in ("spec_id", "data_id", "code_id"))
        assert f"Prices: {document['prices']['source']}." in said


def test_every_strategy_says_whether_its_signal_did_anything_and_what_waiting_cost(documents, read):
    text = " ".join(read(render_index(documents)).text)
    sentences = [book["control"]["sentence"] for document in documents for book in document["books"].values() if book["control"]]
    assert len(sentences) > 2
    assert all(sentence in text for sentence in sentences)
    without = [document for document in documents if not any(book["control"] for book in document["books"].values())]
    in_leads = sum("reads no signal" in document["lead"] for document in documents)
    assert text.count("reads no signal") - in_leads == len(without)


def test_strategies_that_end_on_other_days_are_compared_to_the_end_of_a_month_that_all_have(documents, read):
    page = read(render_index(documents))
    rows, text = page.table(RANKING), " ".join(page.text)
    month = min(max(book["path"]) for document in documents for book in document["books"].values())
    assert rows["Strategy"][4] == f"To {month}"
    for document in documents:
        returned = []
        for book in document["books"].values():
            window, path = book["windows"]["out of sample"], book["path"]
            returned.append((1 + window["total_return"]) * path[month] / path[max(path)] - 1)
        assert rows[document["spec"]["title"]][4] == f"{100 * statistics.median(returned):+,.1f}%".replace("-", "−")
    several = next(document for document in documents if len(document["books"]) > 1)
    span = several["common_spans"]["out of sample"]
    assert f"over the span that all its books have, {span['base']} to {span['last']}" in text


def test_every_book_shows_both_samples_in_its_row(documents, read):
    page = read(render_index(documents))
    tables = [table for table in page.tables if table["caption"].endswith("in both samples")]
    titled = {document["spec"]["title"]: document for document in documents}
    in_order = [titled[name] for name in page.table(RANKING) if name in titled]
    for document, table in zip(in_order, tables, strict=True):
        rows = {row[0][0]: [cell[0] for cell in row[1:]] for row in table["rows"][2:]}
        for name, book in document["books"].items():
            wanted = []
            for window in ("out of sample", "in sample"):
                found = book["windows"][window]
                wanted.append(f"{100 * found['total_return']:+,.1f}%")
                wanted.append(f"{found['sharpe']:.2f} ± {found['sharpe_error']:.2f}")
                wanted.append(f"{100 * found['max_drawdown']:,.1f}%")
                wanted.append(str(found["n"]))
            assert rows[name.replace("_", " ")] == [true_minus(text) for text in wanted]


def test_a_strategy_without_days_out_of_sample_shows_a_dash(documents, read):
    early = json.loads(json.dumps(documents[0]))
    for book in early["books"].values():
        del book["windows"]["out of sample"]
    page = read(render_index([early]))
    row = page.table(RANKING)[early["spec"]["title"]]
    assert row[3] == "— fewer than two sessions"
    (table,) = [table for table in page.tables if table["caption"].endswith("in both samples")]
    assert table["rows"][2][1] == ["—", "fewer than two sessions"]


def test_every_strategy_stands_in_one_row_with_its_picture_verdict_and_last_day(documents, read):
    audited = [{**documents[0], "audit": {"verdict": "Of 3 regimes none is supported."}}, *documents[1:]]
    page = read(render_index(audited))
    rows = page.table(RANKING)
    for document in audited:
        row = rows[document["spec"]["title"]]
        books = [book["windows"]["out of sample"]["total_return"] for book in document["books"].values()]
        middle = f"{100 * statistics.median(books):+,.1f}%".replace("-", "−")
        assert row[3].startswith(middle)
        assert row[-1].startswith("Of 3 regimes none" if document["audit"] else "not audited")
    pictures = [a["aria-label"] for tag, a in page.elements if tag == "svg" and a["class"] == "spark"]
    assert len(pictures) == len(documents)
    path = next(iter(audited[0]["books"].values()))["path"]
    assert any(f"{list(path.values())[-1]:.2f}" in picture for picture in pictures)


def test_a_page_without_an_audit_says_so_once(documents, read):
    text = " ".join(read(render_index(documents)).text)
    assert text.count("No strategy here was audited, so how much of it is luck is not known") == 1


def test_the_page_has_a_comparison_that_runs_in_its_folder(documents, read):
    one, other = (document["strategy"] for document in documents[:2])
    assert f"capex-backtest compare {one} {other}" in read(render_index(documents)).text


def test_without_a_strategy_the_page_says_what_to_run(read):
    assert "capex-backtest run all" in read(render_index([])).text


def test_the_same_documents_give_the_same_bytes(documents):
    assert render_index(documents) == render_index(documents)


def test_who_reads_what_is_published_again_keeps_the_whole_of_the_former(tmp_path):
    for name in ("index.html", "result.schema.json"):
        (tmp_path / name).write_text("former", encoding="utf-8")
    with (tmp_path / "index.html").open() as page, (tmp_path / "result.schema.json").open() as schema:
        publish_index(tmp_path, render_index)
        assert page.read() == schema.read() == "former"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["index.html", "result.schema.json"]
    assert json.loads((tmp_path / "result.schema.json").read_text(encoding="utf-8"))


def test_the_return_out_of_sample_stands_with_its_last_day_and_no_page_says_its_age(documents, read):
    html = render_index(documents)
    rows = read(html).table(RANKING)
    for document in documents:
        last = max(book["windows"]["out of sample"]["last"] for book in document["books"].values())
        assert rows[document["spec"]["title"]][3].endswith(f"to {last}")
        assert f'<time datetime="{last}">{last}</time>' in html
    assert not re.search(r"\d days? ago", html)
