"""What the runs on embedded prices are held against, and from which close on."""


def test_the_first_return_out_of_sample_of_every_book_is_based_on_the_close_of_the_report_s_day(results):
    for name, result in results.items():
        for book in result.books.values():
            window = book.windows["out of sample"]
            assert window["first"] == "2025-07-23", (name, book.basket)
            assert f"{book.equity.loc['2025-07-24':].index[0]:%Y-%m-%d}" == "2025-07-24", (name, book.basket)


def test_every_book_has_a_benchmark_with_a_return_and_its_span_in_every_window(results):
    for name, result in results.items():
        for basket, book in result.as_dict()["baskets"].items():
            for window in book["regimes"]:
                spans = {ticker: found[window] for ticker, found in book["benchmark_spans"].items() if window in found}
                assert spans, (name, basket, window)
                for ticker, span in spans.items():
                    assert book["benchmarks"][ticker][window] is not None
                    assert span["first"] >= book["regimes"][window]["first"]
                    assert span["last"] <= book["regimes"][window]["last"]


def test_every_run_uses_daily_bars_under_the_markets_full_rules(results):
    for name, result in results.items():
        assert result.prices["bars"] != "none", name
        assert any(book.orders["commission"].gt(0).any() for book in result.books.values()), name
