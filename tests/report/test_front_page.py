"""The front page links every strategy and says what came out of it."""

import json

from backtest.report import render_index


def test_every_strategy_is_linked_with_its_question_prices_and_ids(documents, read):
    page = read(render_index(documents))
    said = " ".join(page.text)
    for document in documents:
        assert ("a", {"href": f"{document['strategy']}/index.html"}) in page.elements
        assert document["spec"]["title"] in said
        assert document["spec"]["question"] in said
        assert all(document[name] in said for name in ("spec_id", "data_id", "code_id"))
        assert f"Prices: {document['prices']['source']}, {document['prices']['frequency']}." in said


def test_every_book_shows_both_samples_in_its_row(documents, read):
    page = read(render_index(documents))
    for document, table in zip(documents, page.tables, strict=True):
        rows = {row[0][0]: [cell[0] for cell in row[1:]] for row in table["rows"][2:]}
        for name, book in document["baskets"].items():
            wanted = []
            for window in ("out of sample", "in sample"):
                found = book["regimes"][window]
                wanted.append(f"{100 * found['total_return']:+,.1f}%")
                wanted.append(f"{found['sharpe']:.2f} ± {found['sharpe_error']:.2f}")
                wanted.append(f"{100 * found['max_drawdown']:,.1f}%")
                wanted.append(str(found["n"]))
            assert rows[name.replace("_", " ")] == [text.replace("-", "−") for text in wanted]


def test_a_strategy_without_days_out_of_sample_shows_a_dash(documents, read):
    early = json.loads(json.dumps(documents[0]))
    for book in early["baskets"].values():
        del book["regimes"]["out of sample"]
    (table,) = read(render_index([early])).tables
    assert table["rows"][2][1] == ["—", "fewer than two sessions"]


def test_without_a_strategy_the_page_says_what_to_run(read):
    assert "python -m backtest run all" in read(render_index([])).text


def test_the_same_documents_give_the_same_bytes(documents):
    assert render_index(documents) == render_index(documents)
