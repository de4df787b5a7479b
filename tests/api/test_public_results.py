"""What a notebook shows of each public result: one line, one table, and plots into axes that are handed in."""

import pickle
from dataclasses import replace

import matplotlib.pyplot
import pandas as pd
import pytest

import backtest as bt
from backtest.errors import ConfigurationError, DataError
from backtest.output.document import to_document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(results, archive, tmp_path_factory):
    """One of each public result, by what it is called."""
    reports = tmp_path_factory.mktemp("reports")
    result = results["supply_chain_excess"]
    bt.write_report(result, reports)
    own = bt.load_archive()
    return {
        "Archive": own,
        "Panel": own.as_of("2025-07-23"),
        "Thesis": bt.load_thesis("memory"),
        "RunResult": result,
        "Book": result.books["leaders"],
        "Sweep": bt.sweep(result.spec, {"lag": [1, 2], "weights.above": [0.0, 0.1]}, own, out=reports),
        "Audit": bt.audit(result, own, seconds=0.0),
        "claims": bt.check_claims(own, "2025-07-23"),
        "ReturnSplit": bt.explain("optical", own),
        "Verdict": bt.verify(reports / "supply_chain_excess", own),
        "Comparison": bt.compare(result, reports / "supply_chain_excess"),
    }


LINES = {
    "Archive": r"<Archive of thesis interconnect: [\d,]+ figures, prices of \d+ tickers from reference>",
    "Panel": r"<Panel as of 2025-07-23T23:59Z: \d+ figures, prices of \d+ tickers>",
    "Thesis": r"<Thesis memory: .*2026-02-06\)>",
    "RunResult": r"<RunResult of supply_chain_excess: leaders \+[\d,.]+%>",
    "Book": r"<Book leaders: \+[\d,.]+% in CNY, 2023-01-03 to 2026-\d\d-\d\d, \d+ orders>",
    "Sweep": r"<Sweep of supply_chain_excess: 4 settings, best Sharpe ratio [\d.]+ of leaders with \{.*\}; Deflated Sharpe .*>",
    "Audit": r"<Audit of \d+ decisions: .*>",
    "claims": r"<25 claims of thesis interconnect as of 2025-07-23: .*>",
    "ReturnSplit": r"<ReturnSplit 2025-07-23 to 2026-\d\d-\d\d in CNY: \+[\d.]+ log points, .*>",
    "Verdict": r"<Verdict: identical>",
    "Comparison": r"<Comparison of supply_chain_excess on reference prices \(A\) with .* \(B\): results are equal>",
}


@pytest.mark.parametrize("name", LINES)
def test_its_repr_is_one_line(made, name):
    import re

    assert re.fullmatch(LINES[name], repr(made[name]))
    assert len(repr(made[name])) < 400


@pytest.mark.parametrize("name", LINES)
def test_its_html_is_the_line_and_a_table(made, name):
    body = made[name]._repr_html_()
    assert body.startswith("<p>")
    assert body.count("<table") == 1
    assert "<script" not in body
    assert len(body) < 60_000


def test_html_escapes_every_text(made):
    from backtest.text.notebook import html_of

    body = html_of("<b>bold</b>", pd.DataFrame({"<i>": ["<script>alert(1)</script>"]}))
    assert "<b>" not in body
    assert "<i>" not in body
    assert "<script>" not in body


@pytest.mark.parametrize("name", LINES)
def test_its_frame_has_its_figures(made, name):
    table = made[name].to_frame()
    assert isinstance(table, pd.DataFrame)
    assert len(table.columns) >= 2


@pytest.mark.parametrize("name", ["RunResult", "Book", "Sweep", "ReturnSplit"])
def test_a_plot_is_drawn_into_the_axes_that_are_given_or_new_ones(made, name):
    _, axes = matplotlib.pyplot.subplots()
    assert made[name].plot(axes) is axes
    assert axes.get_title()
    assert axes.lines or axes.patches or axes.images
    other = made[name].plot()
    assert other is not axes
    matplotlib.pyplot.close("all")


def test_a_sweep_of_one_field_is_drawn_as_a_line(made, tmp_path):
    swept = bt.sweep(made["RunResult"].spec, {"lag": (1, 3)}, made["Archive"], out=tmp_path)
    axes = swept.plot()
    (line,) = axes.lines
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3"]
    assert line.get_ydata().tolist() == pytest.approx(swept.to_frame()["sharpe whole"].tolist())
    matplotlib.pyplot.close("all")


def test_a_book_s_frames_are_those_of_its_document(made):
    book, document = made["Book"], to_document(made["RunResult"])["books"]["leaders"]
    whole = book.statistics.loc["whole"]
    for name in ("total_return", "sharpe", "max_drawdown", "turnover", "costs", "orders"):
        assert whole[name] == document["windows"]["whole"][name]
    assert [whole["sharpe_low"], whole["sharpe_high"]] == list(document["windows"]["whole"]["sharpe_interval"])
    assert (1 + book.returns).prod() - 1 == pytest.approx(whole["total_return"])
    assert len(book.orders) == len(document["orders"])
    assert book.to_frame()["equity"].equals(book.equity.rename("equity").rename_axis("session"))
    assert made["RunResult"].to_frame().loc[("leaders", "whole"), "sharpe"] == whole["sharpe"]


def test_a_result_survives_pickling_with_its_methods(made):
    again = pickle.loads(pickle.dumps(made["RunResult"]))
    assert repr(again) == repr(made["RunResult"])
    assert again.books["leaders"].portfolio().value().iloc[-1] == pytest.approx(made["Book"].equity.iloc[-1], rel=1e-9)


def test_a_split_s_terms_add_up_to_the_return(made):
    terms = made["ReturnSplit"].to_frame()["as known then"]
    assert terms[["revenue", "currency", "margin", "rerating"]].sum() == pytest.approx(terms["wealth"])


def test_a_claim_is_found_by_its_id_and_a_near_miss_is_named(made):
    assert made["claims"]["gpu-asic"].verdict == made["claims"].to_frame().loc["gpu-asic", "verdict"]
    assert [finding.claim.id for finding in made["claims"]] == list(made["claims"].to_frame().index)
    with pytest.raises(bt.errors.ConfigurationError, match="did you mean 'gpu-asic'"):
        made["claims"]["gpu-asics"]


def test_an_audit_goes_into_the_report_of_its_own_run_alone(made, results, tmp_path):
    audit, other = made["Audit"], results["theme_baskets"]
    assert made["RunResult"].with_audit(audit).audit is audit
    with pytest.raises(ConfigurationError, match=f"an audit of run {made['RunResult'].identity}; expected .* {other.identity}"):
        bt.write_report(other, tmp_path, audit=audit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["facts", "prices"])
def test_a_book_is_split_by_the_data_of_its_run_alone(part, made):
    own, book = made["Archive"], made["Book"]
    assert bt.explain(book, own).last == f"{book.equity.index[-1]:%Y-%m-%d}"
    moved = replace(own, **{part: replace(getattr(own, part), data_id="moved")}, opened="")
    with pytest.raises(DataError, match=f"leaders: the data of the archive are .*moved.*; expected .* {book.origin.data_id}"):
        bt.explain(book, moved)


def test_a_book_of_another_thesis_asks_for_the_archive_of_its_run(made):
    book = replace(made["Book"], origin=replace(made["Book"].origin, tickers=("NVDA", "000660.KS")))
    with pytest.raises(DataError, match=r"leaders: the archive's thesis interconnect has no 000660\.KS; expected the archive"):
        bt.explain(book, made["Archive"])
