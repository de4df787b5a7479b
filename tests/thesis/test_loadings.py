"""Loadings of themes on the four trends, and the theme scores they make, worked by hand."""

import csv
import shutil
import tomllib
from dataclasses import dataclass
from math import log
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np
import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.errors import ConfigurationError
from backtest.panel import Archive
from backtest.signals import load_signals
from backtest.signals.theme_pace import ThemePace, pace
from backtest.signals.theme_trends import ThemeTrends
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parents[1] / "answers"
TRENDS = ("token_anchor", "asic_share", "network_architecture", "scale_up_bandwidth")
# theme: loading on each trend in that order, as the report argues them (loadings.toml)
LOADINGS = {
    "optical": (1.0, 0.5, 1.0, 0.5),
    "copper": (0.5, 1.0, 1.0, 1.0),
    "PCB": (0.5, 1.0, 0.5, 1.0),
    "GPU": (1.0, -1.0, 0.0, 0.0),
    "ASIC": (1.0, 1.0, 0.0, 0.0),
}


def end_of(day):
    return pd.Timestamp(f"{day}T23:59:59Z")


@pytest.fixture
def spoilt(tmp_path):
    """Return a function that loads the loadings of a copied folder after one replacement."""

    def load(old, new):
        folder = shutil.copytree(load_thesis().folder, tmp_path / "thesis")
        text = (folder / "loadings.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "loadings.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_thesis(folder).loadings

    return load


def test_every_loading_is_the_one_written_down_before_results_were_read():
    rows = {(row.theme, row.trend): row.loading for row in load_thesis().loadings}
    assert rows == {
        (theme, trend): loading
        for theme, loadings in LOADINGS.items()
        for trend, loading in zip(TRENDS, loadings, strict=True)
        if loading
    }


def test_every_theme_is_a_basket():
    baskets = {row.name for row in load_thesis().universe.baskets}
    assert {row.theme for row in load_thesis().loadings} <= baskets


def test_every_loading_gives_its_reason_and_its_source():
    rows = tomllib.loads((load_thesis().folder / "loadings.toml").read_text(encoding="utf-8"))["loading"]
    assert len(rows) == len(load_thesis().loadings)
    assert all(len(row["reason"]) > 10 and row["source"].startswith("Soochow Securities, 2025-07-23") for row in rows)


def test_no_theme_has_two_loadings_on_one_trend():
    pairs = [(row.theme, row.trend) for row in load_thesis().loadings]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("loading = 1.0", "loading = 1.01", r"loadings\.toml row 1: loading is 1\.01"),
        ("loading = -1.0", "loading = -1.01", r"loadings\.toml row 7: loading is -1\.01"),
        ("loading = 1.0", "loading = nan", r"loadings\.toml row 1: loading is nan"),
        ('theme = "optical"', 'theme = "opticl"', r"no basket 'opticl'; did you mean 'optical'\?"),
        ('reason = "the shift is towards them"', 'reason = ""', r"loadings\.toml row 6: reason is ''"),
        ("loading = 1.0", "loading = 1.0\nweight = 2", r"loadings\.toml row 1: weight is 2"),
    ],
)
def test_a_bad_loading_is_refused(spoilt, old, new, words):
    with pytest.raises(ConfigurationError, match=words):
        spoilt(old, new)


def test_a_trend_that_is_no_quarterly_signal_is_refused_with_a_hint(tmp_path):
    folder = shutil.copytree(load_thesis().folder, tmp_path / "thesis")
    text = (folder / "loadings.toml").read_text(encoding="utf-8")
    (folder / "loadings.toml").write_text(text.replace('trend = "asic_share"', 'trend = "asic_shar"', 1), encoding="utf-8")
    panel = Archive(reference.load_facts(), reference.load_prices(["NVDA"]), load_thesis(folder)).as_of(end_of("2025-07-23"))
    with pytest.raises(
        ConfigurationError, match=r"loadings.toml: trend: no quarterly signal 'asic_shar'; did you mean 'asic_share'"
    ):
        ThemeTrends()(panel)


@pytest.mark.parametrize("loading", ["1.0", "-1.0", "0.0"])
def test_a_loading_at_the_edge_is_accepted(spoilt, loading):
    assert spoilt("loading = 1.0", f"loading = {loading}")[0].loading == float(loading)


def test_a_second_loading_of_a_theme_on_a_trend_is_refused(spoilt):
    with pytest.raises(ConfigurationError, match="row 2"):
        spoilt('theme = "GPU"\ntrend = "token_anchor"', 'theme = "optical"\ntrend = "token_anchor"')


def test_a_theme_that_is_no_basket_is_refused_by_file_and_row(spoilt):
    with pytest.raises(ConfigurationError, match=r"loadings\.toml row 1: "):
        spoilt('theme = "optical"', 'theme = "opticl"')


def worked(trend, day):
    rows = csv.DictReader((ANSWERS / f"{trend}.csv").read_text(encoding="utf-8").splitlines())
    return [float(row["value"]) for row in rows if (row["as_of"], row["kind"]) == (day, "value")]


def standardised(values):
    return (values[-1] - fmean(values)) / stdev(values)


@pytest.mark.parametrize(
    ("day", "opinions"),
    [("2026-06-30", TRENDS), ("2025-07-23", TRENDS[1:])],  # token_anchor had three quarters by the thesis's date
)
def test_a_theme_s_score_is_the_mean_of_loading_times_z_over_the_trends_with_an_opinion(archive, day, opinions):
    z = {trend: standardised(worked(trend, day)) for trend in opinions}
    scores = ThemeTrends()(archive.as_of(end_of(day)))
    assert set(scores.index) == set(LOADINGS)
    for theme, loadings in LOADINGS.items():
        by_trend = dict(zip(TRENDS, loadings, strict=True))
        assert scores[theme] == pytest.approx(sum(by_trend[trend] * z[trend] for trend in opinions) / len(opinions), rel=1e-9)


def test_one_standard_score_is_worked_in_full(archive):
    custom = 3100 + 816.4  # AVGO and MRVL of 2024Q1, the fourth quarter known on 2024-06-13
    shares = [
        (900 + 459.8) / (900 + 459.8 + 10323 + 1321),
        (1500 + 555.8) / (1500 + 555.8 + 14514 + 1598),
        (2300 + 765.3) / (2300 + 765.3 + 18404 + 2282),
        custom / (custom + 22563 + 2337),
    ]
    mean = sum(shares) / 4
    spread = (sum((share - mean) ** 2 for share in shares) / 3) ** 0.5
    z = (shares[3] - mean) / spread
    scores = ThemeTrends()(archive.as_of(end_of("2024-06-13")))
    assert scores.to_dict() == pytest.approx({"optical": 0.5 * z, "copper": z, "PCB": z, "GPU": -z, "ASIC": z}, rel=1e-9)


PACES = list(csv.DictReader((ANSWERS / "theme_pace.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("day", ["2025-07-23", "2026-06-30", "2026-11-25"])
def test_a_theme_s_pace_is_the_hand_worked_one(archive, day):
    worked_scores = {
        row["theme"]: eval(row["working"], {"__builtins__": {}, "ln": log, "median": median_of}) for row in rows_of(day)
    }
    assert {theme: float(f"{score:.12g}") for theme, score in worked_scores.items()} == {
        row["theme"]: float(f"{float(row['value']):.12g}") for row in rows_of(day)
    }
    assert ThemePace()(archive.as_of(end_of(day))).to_dict() == pytest.approx(worked_scores, rel=1e-9)


def rows_of(day):
    rows = [row for row in PACES if row["as_of"] == day]
    assert {row["theme"] for row in rows} == set(LOADINGS)
    return rows


def median_of(*numbers):
    return median(numbers)


@dataclass(frozen=True)
class Shown:
    """A trend of given values, one a quarter."""

    shown: tuple[float, ...]
    is_growth: bool = False

    def values(self, panel):
        return np.array(self.shown)


@pytest.mark.parametrize(
    ("shown", "is_growth", "expected"),
    [
        ((1.0, 2.0, 2.0, 2.0, 2.0), False, log(2.0)),
        ((4.0, 2.0, 2.0, 2.0, 1.0, np.nan), False, -log(4.0)),  # the latest complete quarter, against that a year before it
        ((1.0, 2.0, 2.0, 2.0), False, np.nan),  # no year before
        ((np.nan, 2.0, 2.0, 2.0, 2.0), False, np.nan),
        ((-1.0, 2.0, 2.0, 2.0, 2.0), False, np.nan),
        ((5.0, 3.0, 0.7), True, 0.7),
        ((np.nan, np.nan), True, np.nan),
    ],
)
def test_pace_is_growth_in_log_points_a_year(shown, is_growth, expected):
    assert pace(Shown(shown, is_growth), None) == pytest.approx(expected, nan_ok=True)


def test_a_shift_that_is_in_force_counts_for_its_themes_whatever_its_level_was_before(archive):
    """Tokens outgrow CapEx at the end of 2026-06: their z-score is below 0, their pace above."""
    panel = archive.as_of(end_of("2026-06-30"))
    z = standardised(worked("token_anchor", "2026-06-30"))
    assert z < 0 < pace(load_signals(load_thesis())["token_anchor"], panel)


def test_a_doubling_a_year_counts_one_half_and_a_halving_minus_one_half(archive):
    strength = [ThemePace()._strength(speed) for speed in (log(2.0), -log(2.0), 0.0, 50.0)]
    assert strength == pytest.approx([0.5, -0.5, 0.0, 50.0 / (50.0 + log(2.0))])


@pytest.mark.parametrize("half", [0.0, -1.0, float("inf"), float("nan")])
def test_a_half_that_is_no_speed_is_refused(half):
    with pytest.raises(ConfigurationError, match=r"theme_pace: half is .*expected a number of log points above 0"):
        ThemePace(half=half)


def test_what_is_growth_a_year_is_said_by_its_class():
    growing = {name for name, signal in load_signals(load_thesis()).items() if getattr(signal, "is_growth", False)}
    assert growing == {"token_anchor", "multiplier", "supply_chain_excess"}


@pytest.mark.parametrize("day", ["2022-06-30", "2024-05-23", "2024-06-12"])
def test_no_theme_has_a_score_until_some_trend_has_four_known_quarters(archive, day):
    scores = ThemeTrends()(archive.as_of(end_of(day)))
    assert set(scores.index) == set(LOADINGS)
    assert scores.isna().all()


def test_more_quarters_may_be_asked_for(archive):
    assert ThemeTrends(fewest_quarters=14)(archive.as_of(end_of("2026-06-30"))).isna().all()


@pytest.mark.parametrize("fewest", [2, 1, 0, -1])
def test_a_spread_of_fewer_than_three_quarters_is_refused(fewest):
    with pytest.raises(ConfigurationError, match=f"theme_trends: fewest_quarters is {fewest}; expected at least 3"):
        ThemeTrends(fewest_quarters=fewest)


def test_three_quarters_are_enough_for_a_spread():
    assert ThemeTrends(fewest_quarters=3).fewest_quarters == 3
