"""The front page links every strategy and says what came out of it."""

import json
import re
import statistics

from backtest.output.publish import publish_index
from backtest.report import render_index


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
    assert text.count("reads no signal") == sum(all(not book["control"] for book in row["books"].values()) for row in documents)


def test_strategies_that_end_on_other_days_are_compared_to_the_end_of_a_month_that_all_have(documents, read):
    page = read(render_index(documents))
    rows, text = page.table("Every strategy side by side"), " ".join(page.text)
    months = {re.search(r"to the end of (\d{4}-\d\d), which all have", rows[row["spec"]["title"]][2])[1] for row in documents}
    assert len(months) == 1
    several = next(document for document in documents if len(document["books"]) > 1)
    span = several["common_spans"]["out of sample"]
    assert f"over the span that all its books have, {span['base']} to {span['last']}" in text


def test_every_book_shows_both_samples_in_its_row(documents, read):
    page = read(render_index(documents))
    for document, table in zip(documents, page.tables[1:-1], strict=True):
        rows = {row[0][0]: [cell[0] for cell in row[1:]] for row in table["rows"][2:]}
        for name, book in document["books"].items():
            wanted = []
            for window in ("out of sample", "in sample"):
                found = book["windows"][window]
                wanted.append(f"{100 * found['total_return']:+,.1f}%")
                wanted.append(f"{found['sharpe']:.2f} ± {found['sharpe_error']:.2f}")
                wanted.append(f"{100 * found['max_drawdown']:,.1f}%")
                wanted.append(str(found["n"]))
            assert rows[name.replace("_", " ")] == [text.replace("-", "−") for text in wanted]


def test_a_strategy_without_days_out_of_sample_shows_a_dash(documents, read):
    early = json.loads(json.dumps(documents[0]))
    for book in early["books"].values():
        del book["windows"]["out of sample"]
    side_by_side, table, _ = read(render_index([early])).tables
    assert side_by_side["rows"][1][2] == ["—", "fewer than two sessions"]
    assert table["rows"][2][1] == ["—", "fewer than two sessions"]


def test_every_strategy_stands_in_one_row_with_its_picture_claims_verdict_and_newest_data(documents, read):
    audited = [{**documents[0], "audit": {"verdict": "Of 3 regimes none is supported."}}, *documents[1:]]
    page = read(render_index(audited))
    rows = page.table("Every strategy side by side")
    for document in audited:
        row = rows[document["spec"]["title"]]
        books = [book["windows"]["out of sample"]["total_return"] for book in document["books"].values()]
        middle = f"{100 * statistics.median(books):+,.1f}%".replace("-", "−")
        assert row[2].startswith(middle)
        verdicts = [claim["when_written"]["verdict"] for claim in document["claims"]]
        assert row[5].startswith(f"{verdicts.count('confirmed')} of {len(verdicts)} confirmed when written")
        since = [claim["since"]["verdict"] for claim in document["claims"] if claim["since"]]
        assert f"; {since.count('confirmed')} of {len(since)} since, to" in row[5]
        assert row[6].startswith("Of 3 regimes none" if document["audit"] else "not audited")
        assert row[7].startswith(max(window["end"] for window in document["windows"]))
    pictures = [a["aria-label"] for tag, a in page.elements if tag == "svg" and a["class"] == "spark"]
    assert len(pictures) == len(documents)
    path = next(iter(audited[0]["books"].values()))["path"]
    assert f"{list(path.values())[-1]:.2f}" in pictures[0]


def test_the_page_says_the_day_of_every_tally_and_a_comparison_that_runs_in_its_folder(documents, read):
    page = read(render_index(documents))
    rows = page.table("Every strategy side by side")
    for document in documents:
        end = max(window["end"] for window in document["windows"])
        assert f"since, to {end}" in rows[document["spec"]["title"]][5]
    one, other = (document["strategy"] for document in documents[:2])
    assert f"capex-backtest compare {one} {other}" in page.text


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
    rows = read(html).table("Every strategy side by side")
    for document in documents:
        last = max(book["windows"]["out of sample"]["last"] for book in document["books"].values())
        assert rows[document["spec"]["title"]][2].endswith(f"to {last}")
        assert f'<time datetime="{last}">{last}</time>' in html
    assert not re.search(r"\d days? ago", html)
