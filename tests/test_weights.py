"""From scores to weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import ConfigurationError
from backtest.weights import Controlled, Equal, EqualBaskets, Exposure, Gate, Rotation

NAN = float("nan")
TWO = {"optical": ("AAA", "BBB")}
SIZES = {n: {"optical": tuple(f"T{k:02d}" for k in range(n))} for n in range(1, 31)}
HALF = {"AAA": 0.5, "BBB": 0.5}


def chain(score: float) -> list[pd.Series]:
    return [pd.Series([score], index=["supply_chain"])]


# Equal


def test_equal_gives_every_member_the_same_weight():
    assert Equal()([], TWO) == HALF


def test_equal_counts_a_member_of_two_baskets_once():
    assert Equal()([], {"optical": ("AAA", "BBB"), "copper": ("BBB", "CCC", "DDD")}) == dict.fromkeys(
        ("AAA", "BBB", "CCC", "DDD"), 0.25
    )


def test_equal_wants_no_signal_and_holds_nothing_beside_its_members():
    assert (Equal.signals_wanted, Equal().holds) == (0, ())


@pytest.mark.parametrize("rule", [Gate, Exposure, Rotation])
def test_every_other_rule_wants_one_signal(rule):
    assert rule.signals_wanted == 1


# Gate


def test_an_open_gate_holds_the_basket():
    assert Gate(above=0.1, otherwise="ETF")(chain(0.2), TWO) == HALF


def test_a_shut_gate_holds_the_other():
    assert Gate(above=0.1, otherwise="ETF")(chain(0.05), TWO) == {"ETF": 1.0}


def test_a_shut_gate_with_nothing_else_to_hold_is_cash():
    assert Gate()(chain(-0.1), TWO) == {}


@pytest.mark.parametrize(("names", "scored"), [("AAA", "AAA"), ("A B C", "A, B, C"), ("A B C D", "A, B, C and so on")])
def test_a_gate_on_a_signal_that_scores_something_else_names_what_it_scores(names, scored):
    scores = [pd.Series(1.0, index=names.split())]
    with pytest.raises(ConfigurationError, match=rf"the signal scores {scored}; expected one score, of 'supply_chain'"):
        Gate()(scores, TWO)


@pytest.mark.parametrize("score", [0.1, NAN])
def test_a_gate_stays_shut_at_its_threshold_and_without_an_opinion(score):
    assert Gate(above=0.1, otherwise="ETF")(chain(score), TWO) == {"ETF": 1.0}


def test_an_open_gate_holds_nothing_else_whatever_the_number_of_members():
    stray = [size for size, members in SIZES.items() if "ETF" in Gate(otherwise="ETF")(chain(1.0), members)]
    assert stray == []


def test_a_gate_whose_other_is_a_member_holds_it_once():
    assert Gate(otherwise="BBB")(chain(1.0), TWO) == HALF


def test_a_shut_gate_whose_other_is_a_member_holds_only_that():
    assert Gate(otherwise="BBB")(chain(-1.0), TWO) == {"BBB": 1.0}


@pytest.mark.parametrize("rule", [Gate(otherwise="ETF"), Exposure(full_at=1.0, otherwise="ETF")])
def test_what_is_held_beside_the_basket_is_declared(rule):
    assert rule.holds == ("ETF",)


@pytest.mark.parametrize("rule", [Gate(), Exposure(full_at=1.0)])
def test_cash_is_no_holding(rule):
    assert rule.holds == ()


# Exposure


@pytest.mark.parametrize(
    ("score", "share"), [(-1.0, 0.0), (0.0, 0.0), (0.05, 0.25), (0.1, 0.5), (0.2, 1.0), (9.0, 1.0), (np.inf, 1.0), (-np.inf, 0.0)]
)
def test_exposure_rises_in_proportion_to_the_score_up_to_all(score, share):
    targets = Exposure(full_at=0.2)(chain(score), TWO)
    assert (targets.get("AAA", 0.0), targets.get("BBB", 0.0)) == pytest.approx((share / 2, share / 2))


def test_exposure_puts_the_rest_into_the_other():
    assert Exposure(full_at=0.2, otherwise="ETF")(chain(0.05), TWO) == pytest.approx({"AAA": 0.125, "BBB": 0.125, "ETF": 0.75})


def test_exposure_leaves_the_rest_in_cash():
    assert Exposure(full_at=0.2)(chain(0.05), TWO) == pytest.approx({"AAA": 0.125, "BBB": 0.125})


def test_exposure_without_an_opinion_holds_only_the_other():
    assert Exposure(full_at=0.2, otherwise="ETF")(chain(NAN), TWO) == {"ETF": 1.0}


def test_exposure_whose_other_is_a_member_adds_the_rest_to_it():
    assert Exposure(full_at=0.2, otherwise="BBB")(chain(0.1), TWO) == pytest.approx({"AAA": 0.25, "BBB": 0.75})


def test_full_exposure_holds_nothing_else_whatever_the_number_of_members():
    rule = Exposure(full_at=0.2, otherwise="ETF")
    stray = [size for size, members in SIZES.items() if "ETF" in rule(chain(0.2), members)]
    assert stray == []


@pytest.mark.parametrize("full_at", [0.0, -0.1, NAN])
def test_exposure_that_could_never_be_full_is_refused(full_at):
    with pytest.raises(ConfigurationError, match=r"full_at is .*; expected a number above 0"):
        Exposure(full_at=full_at)


# Rotation


THREE = {"optical": ("AAA", "BBB"), "copper": ("CCC",), "PCB": ("DDD", "EEE")}


def themes(**scores: float) -> list[pd.Series]:
    return [pd.Series(scores)]


def test_rotation_holds_the_best_baskets_at_equal_weight():
    assert Rotation(top=2)(themes(optical=0.3, copper=0.1, PCB=0.2), THREE) == dict.fromkeys(("AAA", "BBB", "DDD", "EEE"), 0.25)


def test_rotation_holds_no_basket_without_a_score_above_nothing():
    assert Rotation(top=2)(themes(optical=0.3, copper=0.0, PCB=-0.2), THREE) == HALF


def test_rotation_without_any_liking_is_cash():
    assert Rotation(top=2)(themes(optical=-0.3, copper=NAN, PCB=0.0), THREE) == {}


def test_rotation_in_proportion_weighs_baskets_by_their_scores():
    weights = Rotation()(themes(optical=0.3, copper=0.1, PCB=-0.2), THREE)
    assert weights == pytest.approx({"AAA": 0.375, "BBB": 0.375, "CCC": 0.25})


def test_rotation_scores_a_basket_by_the_mean_of_its_members_where_scores_are_by_ticker():
    scores = themes(AAA=0.3, BBB=-0.1, CCC=0.15, DDD=0.4, EEE=NAN)  # 0.1, 0.15 and 0.4
    assert Rotation(top=2)(scores, THREE) == pytest.approx({"CCC": 0.5, "DDD": 0.25, "EEE": 0.25})


def test_rotation_passes_over_a_basket_without_members():
    assert Rotation(top=1)(themes(optical=0.3, copper=0.1, PCB=0.2), THREE | {"optical": ()}) == {"DDD": 0.5, "EEE": 0.5}


def test_rotation_adds_up_the_shares_of_a_ticker_in_two_baskets():
    members = {"optical": ("AAA", "BBB"), "copper": ("BBB",)}
    assert Rotation(top=2)(themes(optical=0.3, copper=0.1), members) == {"AAA": 0.25, "BBB": 0.75}


def test_rotation_among_no_baskets_is_refused():
    with pytest.raises(ConfigurationError, match="rotation: top is 0; expected at least 1"):
        Rotation(top=0)


# Any rule


MEMBERS = st.dictionaries(
    st.sampled_from(("optical", "copper", "PCB")),
    st.lists(st.sampled_from([f"T{n}" for n in range(15)]), min_size=1, max_size=12, unique=True).map(tuple),
    min_size=1,
)
SCORES = st.floats(allow_nan=True, allow_infinity=True)


@given(MEMBERS, SCORES, st.sampled_from(("cash", "ETF", "T3")))
def test_every_rule_on_the_supply_chain_gives_weights_of_a_portfolio(members, score, otherwise):
    for rule in (Equal(), Gate(otherwise=otherwise), Exposure(full_at=0.1, otherwise=otherwise)):
        weights = np.array(list(rule(chain(score), members).values()))
        assert np.isfinite(weights).all()
        assert (weights >= 0).all()
        assert weights.sum() <= 1 + 1e-12


@given(MEMBERS, SCORES)
def test_a_rule_with_another_holding_is_always_fully_invested(members, score):
    for rule in (Gate(otherwise="ETF"), Exposure(full_at=0.1, otherwise="ETF")):
        assert sum(rule(chain(score), members).values()) == pytest.approx(1.0, abs=1e-12)


@given(MEMBERS, st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.sampled_from((None, 1, 2, 3)))
def test_rotation_gives_weights_of_a_portfolio_fully_invested_or_not_at_all(members, scores, top):
    weights = Rotation(top=top)([pd.Series(scores, index=["optical", "copper", "PCB"])], members)
    assert min(weights.values(), default=0.0) >= 0
    assert sum(weights.values()) == pytest.approx(1.0 if weights else 0.0, abs=1e-12)


# Controls: the same book with the signal on wherever it has a value

NO_VALUE = [pd.Series([NAN, NAN], index=["optical", "copper"])]
WITH_EMPTY = {"optical": ("AAA", "BBB"), "copper": ("CCC",), "PCB": ()}
ALL_THEMES = {"AAA": 0.25, "BBB": 0.25, "CCC": 0.5}


@pytest.mark.parametrize("score", [-5.0, 0.0, 0.1, 7.0])
@pytest.mark.parametrize(
    "rule", [Gate(above=3.0, otherwise="ETF"), Exposure(full_at=2.0, otherwise="ETF"), Gate(), Exposure(1.0)]
)
def test_the_twin_of_a_gate_and_of_an_exposure_is_full_wherever_the_score_has_a_value(rule, score):
    assert rule.twin(chain(score), TWO) == rule.from_start([], TWO) == HALF


@pytest.mark.parametrize("rule", [Gate(otherwise="ETF"), Exposure(full_at=2.0, otherwise="ETF"), Gate(), Exposure(full_at=2.0)])
def test_without_a_value_the_twin_does_what_the_strategy_does(rule):
    assert rule.twin(chain(NAN), TWO) == rule(chain(NAN), TWO)
    assert rule.signal_shares(chain(NAN), TWO) is None


@pytest.mark.parametrize("rule", [Rotation(top=1), Rotation(top=2), Rotation()])
@pytest.mark.parametrize("values", [(1.0, 2.0), (-1.0, -2.0), (NAN, -2.0)])
def test_the_twin_of_a_rotation_holds_every_theme_that_has_members_wherever_one_has_a_score(rule, values):
    scores = [pd.Series(values, index=["optical", "copper"])]
    assert rule.twin(scores, WITH_EMPTY) == rule.from_start([], WITH_EMPTY) == ALL_THEMES


@pytest.mark.parametrize("rule", [Rotation(top=1), Rotation()])
def test_without_any_score_the_twin_of_a_rotation_is_cash_as_the_rotation_is(rule):
    assert rule.twin(NO_VALUE, WITH_EMPTY) == rule(NO_VALUE, WITH_EMPTY) == {}
    assert rule.signal_shares(NO_VALUE, WITH_EMPTY) is None


def test_the_shares_that_a_signal_asks_for():
    two = [pd.Series([1.0, 3.0], index=["optical", "copper"])]
    assert Gate(above=0.5).signal_shares(chain(0.5), TWO) == {"supply_chain": 0.0}
    assert Gate(above=0.5).signal_shares(chain(0.6), TWO) == {"supply_chain": 1.0}
    assert Exposure(full_at=2.0).signal_shares(chain(0.5), TWO) == {"supply_chain": 0.25}
    assert Rotation().signal_shares(two, WITH_EMPTY) == {"optical": 0.25, "copper": 0.75}
    assert Rotation(top=1).signal_shares(two, WITH_EMPTY) == {"copper": 1.0}
    assert Rotation(top=1).signal_shares([-two[0]], WITH_EMPTY) == {}


def test_what_reads_signals_has_a_control_and_what_reads_none_has_not():
    assert all(isinstance(rule, Controlled) for rule in (Gate(), Exposure(1.0), Rotation()))
    assert not any(isinstance(rule, Controlled) for rule in (Equal(), EqualBaskets()))


def test_a_twin_takes_the_signals_and_holds_what_its_strategy_does():
    for rule in (Gate(otherwise="ETF"), Exposure(1.0, otherwise="ETF"), Rotation()):
        assert (rule.twin.signals_wanted, rule.twin.holds) == (rule.signals_wanted, rule.holds)
        assert rule.from_start.signals_wanted == 0


def test_thresholds_share_a_twin():
    assert Gate(above=0.1, otherwise="ETF").twin == Gate(above=0.9, otherwise="ETF").twin == Exposure(1.0, "ETF").twin
