"""The audit of a run: what it rests on, its leak budget, its verdict, and what it says it did not do."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest
from support.markets import STRATEGIES, spec_of

from backtest.__main__ import main
from backtest.audits import audit
from backtest.audits.cache import parse_audit
from backtest.audits.leak_budget import Delayed, measure_leaks
from backtest.audits.window_ranks import influence_of, rank_windows, verdict_sentence
from backtest.decisions import decide
from backtest.output.publish import SCHEMA
from backtest.result import WindowRank
from backtest.runs import run
from backtest.statistics.refusal import Refused
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.universe.benchmarks import Comparison

pytestmark = pytest.mark.slow

UNIVERSE = load_thesis().universe
SHORT = ("supply_chain_excess", "--start", "2025-07-01")
CANARY = """
from dataclasses import dataclass

from backtest.audits.replay import TomorrowsClose
from backtest.data.archive import load_archive
from backtest.strategy import build_spec
from backtest.weights import Gate

AHEAD = TomorrowsClose(load_archive(["NVDA"]), "NVDA")


@dataclass(frozen=True)
class Canary:
    def __call__(self, panel):
        return AHEAD(panel)


SPEC = build_spec(
    name="canary", title="Canary", question="Is it caught?", baskets=("NVDA",), weights=Gate(), signals=(Canary(),),
    start="2026-06-01",
)
"""
HELD = """
from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(
    name="held", title="Held", question="Is its audit kept?", baskets=("NVDA",), weights=Equal(), start="2026-01-02"
)
"""


@pytest.fixture(scope="module")
def excess_growth(results):
    spec = next(load_strategy(path) for path in STRATEGIES if path.stem == "supply_chain_excess")
    return spec, results["supply_chain_excess"]


def test_the_canary_ends_the_command_with_exit_4_naming_signal_session_and_row(tmp_path, capsys):
    path = tmp_path / "canary.py"
    path.write_text(CANARY)
    with pytest.raises(SystemExit) as left:
        main(["run", str(path), "--audit", "--out", str(tmp_path / "out")])
    assert left.value.code == 4
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: canary: NVDA: Canary on 2026-06-01 reads the price of NVDA on 2026-06-02")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("runs_once")
def test_without_the_audit_the_page_says_so_and_gives_the_command(tmp_path):
    main_quietly(["run", *SHORT, "--out", str(tmp_path)])
    page = (tmp_path / "supply_chain_excess" / "index.html").read_text(encoding="utf-8")
    assert "The audit was not run" in page
    assert "capex-backtest run supply_chain_excess --prices reference --start 2025-07-01 --audit" in page
    assert json.loads((tmp_path / "supply_chain_excess" / "result.json").read_text())["audit"] is None


@pytest.mark.usefixtures("runs_once")
def test_with_the_audit_page_and_result_carry_one_verdict_and_progress_is_silent_when_nobody_watches(tmp_path, capsys):
    main_quietly(["run", *SHORT, "--audit", "--out", str(tmp_path)])
    assert "auditing" not in capsys.readouterr().err
    found = json.loads((tmp_path / "supply_chain_excess" / "result.json").read_text())["audit"]
    page = (tmp_path / "supply_chain_excess" / "index.html").read_text(encoding="utf-8")
    assert found["verdict"] in page
    document = json.loads((tmp_path / "supply_chain_excess" / "result.json").read_text())
    assert not list(jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(document))
    assert found["windows_id"] in page
    assert all(name in page for name in found["not_run"])


def main_quietly(arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert not left.value.code


def test_what_did_not_fit_into_the_budget_is_said(excess_growth, archive):
    spec, result = excess_growth
    found = audit(spec, result, archive, UNIVERSE, seconds=0.0)
    assert {"window_ranks", "influence", "leak_budget"} <= set(found.not_run)
    assert found.not_run["influence"] == "did not fit into 0 seconds"
    assert found.influence is None
    assert found.replay.decisions > 40
    assert "ran out of time" in found.verdict


def test_the_join_as_published_is_the_run_itself_and_buys_nothing(excess_growth, archive):
    spec, result = excess_growth
    found = measure_leaks(spec, archive, UNIVERSE, max(window.end for window in result.windows))["leaders"]
    equity = result.books["leaders"].equity
    assert found["as published"].total_return == pytest.approx(equity.iloc[-1] / equity.iloc[0] - 1, abs=1e-12)
    assert found["as published"].total_return_bought == 0.0
    early = found["at its period's end"]
    assert early.total_return_bought == pytest.approx(early.total_return - found["as published"].total_return)
    assert len({one.total_return for one in found.values()}) > 1


def test_a_strategy_that_reads_no_figure_gains_nothing_from_any_join(archive):
    found = measure_leaks(spec_of(start="2025-07-01"), archive, UNIVERSE, pd.Timestamp("2026-06-26"))["NVDA"]
    assert {one.total_return_bought for one in found.values()} == {0.0}


def test_influence_adds_up_to_the_book_and_a_book_of_one_name_is_nothing_without_it(archive):
    result = run(spec_of(cost_bps=0.0), archive)
    found = influence_of(result.books["NVDA"])
    equity = result.books["NVDA"].equity
    assert found.total_return == pytest.approx(equity.iloc[-1] / equity.iloc[0] - 1, abs=1e-9)
    assert found.without_name["NVDA"] == pytest.approx(0.0, abs=1e-9)
    assert found.profit_share["NVDA"] == pytest.approx(1.0)
    assert found.without_best_days < found.total_return


def with_excess(book, mean: float, seed: int = 0, where: slice = slice(None)):
    """The book with noise for an excess return over its benchmarks, and a mean added over some sessions."""
    noise = pd.Series(np.random.default_rng(seed).normal(0.0, 0.02, len(book.equity)), book.equity.index)
    noise.iloc[where] += mean
    market = book.equity.pct_change().fillna(0.0)
    compared = pd.DataFrame({"market": (1.0 + market).cumprod()})
    declared = (Comparison(ticker="market", matched=True, reason="made up"),)
    return replace(book, equity=(1.0 + market + noise).cumprod(), benchmarks=compared, comparisons=declared)


def test_noise_in_excess_of_the_benchmarks_is_rarely_called_supported(excess_growth):
    _, result = excess_growth
    book, windows = result.books["leaders"], result.windows[:4]
    draws = 60
    judged = [
        one.verdict
        for seed in range(draws)
        for one in rank_windows(with_excess(book, 0.0, seed), windows, trials=4).values()
        if isinstance(one, WindowRank)
    ]
    assert len(judged) >= draws
    assert judged.count("supported") <= 0.05 * len(judged)


def test_a_planted_edge_of_three_percent_a_week_in_one_regime_is_supported(excess_growth):
    _, result = excess_growth
    book = result.books["leaders"]
    window = next(one for one in result.windows if one.name == "after the report")
    held = window.slice(pd.DatetimeIndex(book.equity.index))
    found = [
        rank_windows(with_excess(book, 0.03, seed, slice(held.start + 1, held.stop)), (window,), trials=4) for seed in range(10)
    ]
    assert sum(one["after the report"].verdict == "supported" for one in found) >= 5


def ranked(luck, special=False):
    """A rank of a window by its luck, or what stands for one where there is none."""
    if luck is None:
        return Refused("too short", 3)
    return WindowRank(40, "2024-01-02", "2024-03-01", 1.0, 0.5, 3, 800, 20, 0.7, 4, luck, special, "supported", "made up")


APART = "among the best 5% of windows of the same run, which says that it stands out, not that it is no luck."


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        ([None, None], "Nothing here can be told from luck: none of 2 results by book and regime can be judged."),
        (
            [("may be luck", True), ("worse than luck", False)],
            "Luck: of 2 results by book and regime, in excess of the declared benchmark, 0 can be told from luck, 1 worse than "
            f"luck. Special: 1 {APART}",
        ),
        (
            [("told from luck", False), ("may be luck", False), None],
            "Luck: of 2 results by book and regime, in excess of the declared benchmark, 1 can be told from luck. Special: 0 "
            f"{APART} Not judged: 1.",
        ),
        (
            [("told from luck", True)],
            "Luck: of 1 result by book and regime, in excess of the declared benchmark, 1 can be told from luck. Special: 1 "
            f"{APART}",
        ),
    ],
)
def test_the_sentence_separates_luck_from_what_is_special(ranks, said):
    book = {str(number): ranked(*(rank or (None,))) for number, rank in enumerate(ranks)}
    assert verdict_sentence({"book": book}) == said


@pytest.mark.usefixtures("runs_once")
def test_a_second_audit_of_the_same_spec_data_and_code_is_the_first_one_kept(tmp_path, capsys, monkeypatch, still):
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path / "home"))
    (tmp_path / "held.py").write_text(HELD)
    held = ["run", str(tmp_path / "held.py"), "--audit"]
    main_quietly([*held, "--audit-seconds", "0", "--out", str(tmp_path / "none")])
    assert not (tmp_path / "home").exists(), "an audit without its questions is not kept"
    told = []
    for folder in ("first", "second"):
        main_quietly([*held, "--out", str(tmp_path / folder)])
        told.append("the cached one is used" in capsys.readouterr().err)
    assert told == [False, True]
    pages = [(tmp_path / folder / "held" / "index.html").read_bytes() for folder in ("first", "second")]
    assert pages[0] == pages[1]
    (file,) = (tmp_path / "home" / "audits").iterdir()
    first, asked = json.loads(file.read_text()), []
    assert first["not_run"] == {"leak_budget": "the strategy reads no published figure"}
    file.write_text("half of")
    monkeypatch.setattr(
        "backtest.audits.audit", lambda *given: asked.append(given) or parse_audit(first)
    )  # the same again, and slow
    main_quietly([*held, "--out", str(tmp_path / "third")])
    assert "the cached one is used" not in capsys.readouterr().err
    assert len(asked) == 1
    assert json.loads(file.read_text()) == first


def test_figures_that_come_days_later_change_what_is_decided(excess_growth, archive):
    spec, result = excess_growth
    sessions = pd.DatetimeIndex(result.books["leaders"].equity.index)
    late = decide(spec, "leaders", Delayed(archive.facts, archive.prices, archive.thesis, 120), UNIVERSE, sessions)
    ours = decide(spec, "leaders", archive, UNIVERSE, sessions)
    assert any(one.scores[0].to_numpy() != other.scores[0].to_numpy() for one, other in zip(late, ours, strict=True))
    moved = Delayed(archive.facts, archive.prices, archive.thesis, 20).as_of(ours[20].moment)
    assert moved.rows["known_at"].max() <= ours[20].moment - pd.Timedelta(days=20)
