"""What a sweep says at a terminal: how long it takes once that is known, what came out, and what it needs before it starts."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from backtest.__main__ import main
from backtest.statistics.overfitting import Deflated
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.forecast import Work
from backtest.sweeps.progress import Pace
from backtest.sweeps.results import (
    BestSetting,
    Compared,
    MinimumLength,
    SearchStatistics,
    SweepResult,
    SweepSummary,
    TwinStatistics,
    WindowFigures,
)
from backtest.sweeps.summary import markdown
from backtest.sweeps.terminal import terminal
from backtest.text.screen import Screen

ROOT = Path(__file__).parents[2]
SETTING = {f"weights.field_{number}": number / 7 for number in range(9)}
SUMMARY = SweepSummary(
    strategy="example",
    settings=12,
    best=BestSetting(3, "0" * 16, "leaders", SETTING, 242, "chunk", {"whole": WindowFigures(0.5, 1.234, 0.25, 1.111, 0.25)}),
    statistics=SearchStatistics(
        Deflated(0.731, 0.26, 0.219, 0.9, 5.2, 40, 177),
        Refused("12 observations; expected at least 30", 12),
        Superior(0.005, 0.004, 0.006, 12, 177),
        None,
        MinimumLength(2.41, 3.4),
        Deflated(0.782, 0.26, 0.21, 0.9, 5.2, 31, 177),
        curves=9,
        twins=TwinStatistics(
            spa=Superior(0.853, 0.851, 0.854, 6, 177),
            deflated_sharpe=Deflated(0.412, 0.06, 0.07, 0.9, 5.2, 40, 177),
            deflated_sharpe_curves=Deflated(0.433, 0.06, 0.068, 0.9, 5.2, 31, 177),
            best="1" * 16,
            beating=0.108,
            richer=0.072,
            idle=0.336,
        ),
    ),
    trials=40,
    trials_on_any_data=40,
    identities={},
    command="",
    expectations=(
        Outcome("the median total return less the twin's, out of sample", "at least 0.02", 0.0123456, False),
        Outcome("spa p against the twins", "at most 0.05", float("nan"), False),
    ),
    notes=("ACME has a close and no open on 7 session(s), 2026-07-23 to 2026-07-31; an order that fills at the open waits",),
    compared=(
        Compared("median", {"whole": WindowFigures(0.111, 0.345, 0.222, 0.456, -0.111)}),
        Compared("declared", {"whole": WindowFigures(0.321, 0.987), "in sample": WindowFigures(-0.1, -0.2)}, "0" * 16),
        Compared("benchmark", {"whole": WindowFigures(0.05, float("nan"))}, "159915.SZ"),
    ),
)


@pytest.fixture
def command(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err.splitlines()

    return run


class Clock:
    """A clock that stands where it is put."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def seconds_left(arrivals, total, done=0, workers=2):
    """Return the seconds left after each chunk that arrives: (seconds since the start, settings in it)."""
    clock = Clock()
    pace = Pace(total, done, workers, clock)
    left = []
    for clock.now, count in arrivals:
        left.append(pace.left(count))
    return left


def test_the_time_that_is_left_is_that_of_the_pace_after_the_first_chunks():
    # Two workers: 20 s until the first two chunks, then one chunk of 100 every second; 1,000 settings end after 28 s.
    arrivals = [(20.0, 100), (20.0, 100), *((21.0 + number, 100) for number in range(8))]
    left = seconds_left(arrivals, 1000)
    assert left[:2] == [None, None]
    assert left[2:] == pytest.approx([7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0])


def test_nothing_is_said_before_a_tenth_was_measured_nor_of_a_sweep_of_one_chunk():
    assert seconds_left([(5.0, 12)], 12) == [None]
    left = seconds_left([(1.0, 10), (1.0, 10), *((2.0 + number, 10) for number in range(20))], 1000)
    assert [seconds is None for seconds in left[:12]] == [True] * 11 + [False]


def test_chunks_that_were_there_before_do_not_count_as_pace():
    before = [(0.0, 256), (0.0, 256)]
    left = seconds_left([*before, (3.0, 200), (3.0, 200), (4.0, 200)], 1512, done=512)
    assert left[:4] == [None] * 4
    assert left[4] == pytest.approx(2.0)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_the_best_beside_others_and_what_the_search_is_worth_and_the_page(tmp_path, width):
    *lines, page = terminal(SUMMARY, tmp_path / "index.html", Screen(width)).splitlines()
    assert max(map(len, lines)) <= width
    assert page == f"page: {tmp_path / 'index.html'}"
    figures = {
        "best": ["+50.0%", "1.23"], "median of all": ["+11.1%", "0.34"], "declared": ["+32.1%", "0.99", "−10.0%", "−0.20"],
        "benchmark 159915.SZ": ["+5.0%", "—"],
    }  # fmt: skip
    for name, shown in figures.items():
        cells = " ".join(line.removeprefix(name) for line in lines if line.startswith(f"{name}  ")).split()
        assert cells == [*shown, *["—"] * (6 - len(shown))]
    twins = [line.split()[2:4] for line in lines if line.startswith("  its twin")]
    assert twins[:2] == [["+25.0%", "1.11"], ["+22.2%", "0.46"]]
    text = " ".join(" ".join(lines).split())
    for words in (
        "12 settings (9 distinct curves)", "best of 40 trials", "0.731", "0.782", "0.005", "2.4, 3.4",
        "not given: 12", "0.853", "0.412", "0.433", "10.8%", "33.6%", "0.0123456", "at least 0.02",
        "ACME has a close and no open on 7 session(s)",
    ):  # fmt: skip
        assert words in text
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads("\n".join(lines))


@pytest.mark.slow
def test_a_sweep_without_a_grid_prints_a_table_and_the_path_of_its_page(command, tmp_path):
    code, out, errors = command("sweep", "multiplier", "--out", tmp_path, "--reports", "0", "--workers", "1")
    assert code == 0, errors
    page = tmp_path / "sweeps" / "multiplier" / "index.html"
    assert out.splitlines()[-1] == f"page: {page}"
    assert page.is_file()
    assert "32 settings" in out
    assert errors[0].startswith("32 settings, about")
    assert re.fullmatch(r"about \d+ s until its page is there", errors[1])
    assert "capex-backtest sweep multiplier --prices reference" in page.read_text(encoding="utf-8")


def test_a_sweep_that_is_not_what_its_grid_expects_ends_in_five_after_its_page_is_there(command, tmp_path):
    grid = tmp_path / "grid.toml"
    rows = '[settings]\nlag = [1]\nrebalance = ["quarterly"]\n"weights.above" = [0.0, 0.1]\n[[expect]]\nfigure = "sharpe"\n'
    words = ("sweep", "supply_chain_excess", "--grid", grid, "--out", tmp_path, "--reports", "0", "--workers", "1")
    grid.write_text(rows + 'window = "whole"\nat_least = 5.0\n', encoding="utf-8")
    code, _, errors = command(*words)
    assert code == 5, errors
    assert "error: 1 of 1 expectations not met; the median sharpe less the twin's, whole: " in errors[-1]
    assert errors[-1].endswith("; expected at least 5")
    assert (tmp_path / "sweeps" / "supply_chain_excess" / "index.html").is_file()
    grid.write_text(rows + 'window = "hole"\nat_least = 5.0\n', encoding="utf-8")
    code, _, errors = command(*words)
    assert (code, "no window 'hole'; did you mean 'whole'?" in errors[-1]) == (2, True)


def test_the_summary_in_markdown_shows_hostile_texts_as_they_are(tmp_path):
    evil = "- <b>x</b> | [a](b) `c` *d* @all https://a.b"
    hostile = replace(
        SUMMARY, strategy=evil, notes=(evil,), expectations=(Outcome(evil, evil, 0.1, True),),
        best=replace(SUMMARY.best, setting={"a`b": "``|"}), statistics=replace(SUMMARY.statistics, pbo=Refused(evil, 3)),
    )  # fmt: skip
    table = pd.DataFrame({"sharpe whole": [1.0]})
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(SweepResult(hostile, table, (), ()), None))
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds == {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "inline"}
    inline = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inline for child in token.children} <= {"text", "code_inline", "text_special", "softbreak"}
    texts = ["".join(child.content for child in token.children).replace("\u2060", "") for token in inline]
    assert f"{evil}." in texts
    assert f"not given: {evil}" in texts
    assert f"{evil}, expected {evil}" in texts
    assert '{"a`b": "``|"}' in " ".join(texts)


def test_the_forecast_grows_with_the_work_and_counts_only_what_is_left():
    small = Work(settings=32, missing=32, fields=3, books=1, workers=1, reports=0)
    assert replace(small, reports=3).later(6.0) > 2 * small.later(6.0)
    assert replace(small, books=9).later(6.0) > small.later(6.0)
    assert replace(small, fields=7).later(6.0) > small.later(6.0)
    large = replace(small, settings=14_784, missing=14_784, workers=2)
    assert large.evaluating(6.0) > small.evaluating(6.0)
    assert replace(large, missing=0).evaluating(6.0) < large.evaluating(6.0) / 2
    assert large.evaluating(12.0) == pytest.approx(2 * large.evaluating(6.0))
