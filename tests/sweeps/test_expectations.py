"""What a grid expects of its sweep ends the command in exit code 5 where it is not met, in JUnit, summary and one line."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from support.markets import ROOT

from backtest.errors import ConfigurationError, ExpectationError
from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.strategy import load_strategy
from backtest.sweeps.expectations import expectations, require_answers
from backtest.sweeps.gate import outcomes, require_met
from backtest.sweeps.grid import load_grid
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.results import (
    BestSetting,
    MinimumLength,
    SearchStatistics,
    SweepResult,
    SweepSummary,
    TwinStatistics,
    WindowFigures,
)
from backtest.sweeps.summary import answer_ci
from backtest.thesis import load_thesis

NAN = float("nan")
SPEC = load_strategy(ROOT / "strategies" / "supply_chain_excess.py")
BEST = BestSetting(2, "2", "leaders", {"lag": 3}, 242, "chunk", {"whole": WindowFigures(0.9, 1.2)})
STATISTICS = SearchStatistics(
    deflated_sharpe=Deflated(0.9, 0.1, 0.1, 0.0, 3.0, 4, 100),
    pbo=Overfit(0.2, 0.0, 0.0, 70, 8, 4, 96),
    spa=Superior(0.02, 0.01, 0.03, 4, 100),
    spa_span=None,
    minimum_length=MinimumLength(2.0, 3.5),
    deflated_sharpe_curves=Deflated(0.91, 0.1, 0.1, 0.0, 3.0, 3, 100),
    curves=3,
    twins=TwinStatistics(
        Superior(0.85, 0.8, 0.9, 4, 100),
        Refused("no setting differs", 100),
        Refused("no setting differs", 100),
        "1",
        0.5,
        0.5,
        0.25,
    ),
)
TABLE = pd.DataFrame(
    {
        "number": [0, 1, 2, 3],
        "book": "leaders",
        "total_return whole": [0.1, 0.4, 0.9, 0.5],
        "twin_total_return whole": [0.3, 0.3, 0.8, 0.5],  # differences -0.2, 0.1, 0.1, 0
        "sharpe whole": [0.2, NAN, 1.2, 0.5],
        "twin_sharpe whole": [0.1, NAN, 1.4, 0.5],  # differences 0.1, none, -0.2, 0
        "sharpe 23Q2": [NAN] * 4,
        "twin_sharpe 23Q2": [NAN] * 4,
    }
)


def value(**row):
    (outcome,) = outcomes(expectations("grid", [{"at_least": 0.0} | row]), TABLE, BEST, STATISTICS)
    return outcome.value


@pytest.mark.parametrize(
    ("row", "figure"),
    [
        ({"figure": "total_return"}, 0.05),  # by hand, from the differences above
        ({"figure": "total_return", "on": "median"}, 0.05),
        ({"figure": "total_return", "on": "best"}, 0.1),
        ({"figure": "total_return", "on": "worst"}, -0.2),
        ({"figure": "total_return", "on": "share"}, 0.5),
        ({"figure": "sharpe"}, 0.0),
        ({"figure": "sharpe", "on": "share"}, 1 / 3),
        ({"figure": "sharpe", "on": "best", "against": "nothing"}, 1.2),
        ({"figure": "total_return", "against": "nothing"}, 0.45),
    ],
)
def test_an_expectation_looks_at_the_difference_to_the_twin_or_at_the_figure_of_some_settings(row, figure):
    assert value(window="whole", **row) == pytest.approx(figure)


@pytest.mark.parametrize(
    ("row", "figure"),
    [
        ({"figure": "spa_p"}, 0.85),
        ({"figure": "spa_p", "against": "nothing"}, 0.02),
        ({"figure": "deflated_sharpe"}, NAN),
        ({"figure": "deflated_sharpe", "against": "nothing"}, 0.9),
        ({"figure": "pbo", "against": "nothing"}, 0.2),
    ],
)
def test_the_whole_search_has_figures_too(row, figure):
    assert value(**row) == pytest.approx(figure, nan_ok=True)


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 0.05}, True),
        ({"at_least": 0.06}, False),
        ({"at_most": 0.05}, True),
        ({"at_most": 0.04}, False),
        ({"at_least": 0.0, "at_most": 0.1}, True),
        ({"at_least": 0.0, "at_most": 0.01}, False),
    ],
)
def test_both_bounds_count_and_are_included(bounds, met):
    table = TABLE.assign(**{"total_return whole": 0.05})
    rows = expectations("grid", [{"figure": "total_return", "window": "whole", "against": "nothing"} | bounds])
    assert [outcome.met for outcome in outcomes(rows, table, BEST, STATISTICS)] == [met]


def test_a_figure_that_no_setting_has_is_not_met():
    for window in ("23Q2", "out of sample"):
        rows = expectations("grid", [{"figure": "sharpe", "window": window, "at_most": 1e9}])
        (outcome,) = outcomes(rows, TABLE, BEST, STATISTICS)
        assert (outcome.met, outcome.text) == (False, "not given")


GRID = "[settings]\nlag = [1, 2]\n[[expect]]\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            'figure = "total_retrn"\nwindow = "whole"\nat_least = 0.0',
            "expect row 1: no figure 'total_retrn'; did you mean 'total_",
        ),
        ('figure = "sharpe"\nat_least = 0.0', 'sharpe is of a window; expected window = "whole" or another'),
        ('figure = "spa_p"\nwindow = "whole"\nat_most = 0.05', "expected neither window nor on"),
        ('figure = "pbo"\nat_most = 0.05', 'expected against = "nothing"'),
        ('figure = "sharpe"\nwindow = "whole"', "no bound; expected at_least, at_most or both"),
        ('figure = "sharpe"\nwindow = "whole"\nat_leest = 0.0', "at_leest is 0.0; no field 'at_leest'; did you mean 'at_least'?"),
        ('figure = "sharpe"\nwindow = "whole"\non = "mean"\nat_least = 0.0', "on is 'mean'; expected 'best'"),
        ('figure = "sharpe"\nwindow = "whole"\nat_least = nan', "at_least is nan; expected a finite number"),
    ],
)
def test_an_expectation_that_makes_no_sense_is_refused_by_row_and_field(tmp_path, rows, message):
    (tmp_path / "grid.toml").write_text(GRID + rows, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_grid(tmp_path / "grid.toml")
    assert message in str(refused.value)


def test_an_unknown_window_has_a_near_miss_and_a_weighting_without_a_twin_is_named():
    rows = expectations("grid", [{"figure": "sharpe", "window": "out of smple", "at_least": 0.0}])
    with pytest.raises(
        ConfigurationError, match=r"grid.toml: expect row 1: no window 'out of smple'; did you mean 'out of sample'"
    ):
        require_answers(rows, Path("grid.toml"), SPEC, load_thesis())
    equal = load_strategy(ROOT / "strategies" / "theme_baskets.py")
    rows = expectations("grid", [{"figure": "sharpe", "window": "whole", "at_least": 0.0}])
    require_answers(rows, Path("grid.toml"), SPEC, load_thesis())
    with pytest.raises(ConfigurationError, match="Equal has no twin; expected against = 'nothing'"):
        require_answers(rows, Path("grid.toml"), equal, load_thesis())


def test_an_unmet_expectation_is_an_error_and_a_case_of_junit_and_a_line_of_the_summary(tmp_path):
    rows = expectations(
        "grid",
        [
            {"figure": "total_return", "window": "whole", "at_least": 0.06},
            {"figure": "sharpe", "window": "whole", "on": "best", "against": "nothing", "at_least": 1.0},
            {"figure": "spa_p", "at_most": 0.05},
        ],
    )
    summary = SweepSummary("example", 4, BEST, STATISTICS, 4, 4, {}, "", expectations=outcomes(rows, TABLE, BEST, STATISTICS))
    options = SweepOptions(Path("s"), Path("g"), tmp_path, "", junit=tmp_path / "j.xml", summary=tmp_path / "s.md")
    with pytest.raises(ExpectationError) as error:
        answer_ci(SweepResult(summary, TABLE, (), ()), options)
    assert error.value.exit_code == 5
    assert str(error.value) == (
        "2 of 3 expectations not met; the median total return less the twin's, whole: 0.05; expected at least 0.06"
    )
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()
    cases = {case.get("name"): case for case in suite if case.get("classname") == "example.expect"}
    assert [len(case.findall("failure")) for case in cases.values()] == [1, 0, 1]
    assert suite.get("failures") == "2"
    text = (tmp_path / "s.md").read_text(encoding="utf-8")
    assert "| the median total return less the twin's, whole, expected at least 0.06 | 0.05, not met |" in text
    assert "| the best setting's sharpe, whole, expected at least 1 | 1.2, met |" in text
    assert "| spa p against the twins, expected at most 0.05 | 0.85, not met |" in text
    assert "| drift from the baseline | none |" in text
    met = replace(summary, expectations=summary.expectations[1:2])
    assert answer_ci(SweepResult(met, TABLE, (), ()), options) is None
    require_met(())
