"""What the runs on embedded prices are held against, and from which close on."""

from backtest.output.document import to_document


def test_the_first_return_out_of_sample_of_every_book_is_based_on_the_close_of_the_report_s_day(results):
    for name, result in results.items():
        for book in result.books.values():
            window = book.windows["out of sample"]
            assert (window.base, window.first) == ("2025-07-23", "2025-07-24"), (name, book.basket)
            assert f"{book.equity.loc['2025-07-24':].index[0]:%Y-%m-%d}" == "2025-07-24", (name, book.basket)


def test_every_book_has_a_benchmark_with_a_return_and_its_span_in_every_window(results):
    for name, result in results.items():
        for basket, book in to_document(result)["books"].items():
            for window, figures in book["windows"].items():
                spans = [found[window] for found in book["benchmarks"].values() if found[window]["total_return"] is not None]
                assert spans, (name, basket, window)
                for span in spans:
                    assert figures["base"] <= span["base"] < span["first"] <= span["last"] <= figures["last"]
                    assert figures["first"] <= span["first"]


def test_every_run_uses_daily_bars_under_the_markets_full_rules(results):
    for name, result in results.items():
        assert result.prices.bars != "none", name
        assert any(book.orders["commission"].gt(0).any() for book in result.books.values()), name
