"""Rotation between themes: which baskets are held, in what shares, and what stays in cash."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import ConfigurationError
from backtest.weights import Rotation

BOOK = {"optical": ("A", "B", "C", "D"), "copper": ("E", "F"), "PCB": ("G",)}
NAN = float("nan")


def held(rule, members=BOOK, **scores):
    return rule([pd.Series(scores, dtype=float)], members)


@pytest.mark.parametrize(
    ("top", "weights"),
    [
        (1, {"G": 1.0}),
        (2, {"G": 0.5, "E": 0.25, "F": 0.25}),
        (3, {"G": 1 / 3, "E": 1 / 6, "F": 1 / 6, **dict.fromkeys("ABCD", 1 / 12)}),
        (9, {"G": 1 / 3, "E": 1 / 6, "F": 1 / 6, **dict.fromkeys("ABCD", 1 / 12)}),
    ],
)
def test_the_top_baskets_weigh_the_same_whatever_their_scores_and_sizes(top, weights):
    assert held(Rotation(top=top), optical=0.1, copper=0.2, PCB=9.0) == pytest.approx(weights)


def test_in_proportion_a_basket_weighs_its_share_of_all_scores_above_zero():
    weights = held(Rotation(), optical=0.5, copper=1.5, PCB=-7.0)  # 0.5 / 2 among four, 1.5 / 2 among two
    assert weights == pytest.approx({**dict.fromkeys("ABCD", 0.0625), "E": 0.375, "F": 0.375})


@pytest.mark.parametrize("top", [1, 2, 3, None])
@pytest.mark.parametrize("score", [0.0, -0.5, NAN, -math.inf])
def test_without_a_score_above_zero_everything_is_cash(top, score):
    assert held(Rotation(top=top), optical=score, copper=score, PCB=score) == {}


@pytest.mark.parametrize("score", [0.0, -0.5, NAN, -math.inf])
def test_a_basket_without_a_score_above_zero_is_not_held_to_fill_the_top(score):
    assert held(Rotation(top=2), optical=score, copper=0.1, PCB=score) == {"E": 0.5, "F": 0.5}


def test_an_unscored_basket_is_not_held():
    assert held(Rotation(top=3), PCB=1.0) == {"G": 1.0}


@pytest.mark.parametrize("order", [("optical", "copper", "PCB"), ("PCB", "copper", "optical"), ("copper", "PCB", "optical")])
def test_of_baskets_with_equal_scores_those_named_first_in_the_book_are_held(order):
    book = {basket: BOOK[basket] for basket in order}
    weights = held(Rotation(top=2), book, optical=0.3, copper=0.3, PCB=0.3)
    assert set(weights) == {*BOOK[order[0]], *BOOK[order[1]]}


def test_the_order_of_the_scores_does_not_matter():
    first, second = ({"optical": 0.3, "copper": 0.3, "PCB": 0.1}, {"PCB": 0.1, "copper": 0.3, "optical": 0.3})
    assert held(Rotation(top=1), **first) == held(Rotation(top=1), **second)


def test_a_ticker_in_two_themes_gets_both_shares():
    book = {"optical": ("A", "B"), "copper": ("B", "C")}  # A 1/2 of 3/4, B 1/2 of both, C 1/2 of 1/4
    assert held(Rotation(), book, optical=0.3, copper=0.1) == pytest.approx({"A": 0.375, "B": 0.5, "C": 0.125})


def test_a_ticker_in_a_held_and_an_unheld_theme_gets_one_share():
    book = {"optical": ("A", "B"), "copper": ("B", "C")}
    assert held(Rotation(top=1), book, optical=0.3, copper=0.1) == {"A": 0.5, "B": 0.5}


def test_a_theme_nobody_can_hold_that_day_leaves_its_share_to_the_others():
    assert held(Rotation(top=1), BOOK | {"PCB": ()}, optical=0.1, copper=0.2, PCB=9.0) == {"E": 0.5, "F": 0.5}


def test_scores_by_ticker_are_averaged_over_members_with_an_opinion():
    scores = {"A": 0.4, "B": NAN, "C": 0.2, "D": NAN, "E": 0.5, "F": -0.3, "G": NAN}  # 0.3, 0.1, no opinion
    assert held(Rotation(), **scores) == pytest.approx({**dict.fromkeys("ABCD", 0.1875), "E": 0.125, "F": 0.125})


@pytest.mark.parametrize("top", [0, -1])
def test_less_than_one_basket_is_refused(top):
    with pytest.raises(ConfigurationError, match=f"rotation: top is {top}; expected at least 1, or None for proportional"):
        Rotation(top=top)


TICKERS = st.lists(st.sampled_from("ABCDEFGH"), max_size=6, unique=True).map(tuple)
MEMBERS = st.fixed_dictionaries(dict.fromkeys(BOOK, TICKERS))
SCORE = st.one_of(st.floats(-10, 10), st.just(NAN), st.sampled_from([0.0, 0.1, 0.1, 0.2]))
TOP = st.one_of(st.none(), st.integers(1, 4))


@given(members=MEMBERS, scores=st.lists(SCORE, min_size=3, max_size=3), top=TOP)
def test_weights_are_shares_that_add_up_to_all_or_nothing(members, scores, top):
    weights = Rotation(top=top)([pd.Series(scores, index=list(BOOK))], members)
    liked = [basket for basket, score in zip(BOOK, scores, strict=True) if score > 0 and members[basket]]
    assert all(0 <= weight <= 1 + 1e-12 for weight in weights.values())
    assert sum(weights.values()) <= 1 + 1e-12
    assert sum(weights.values()) == pytest.approx(1.0 if liked else 0.0)
    assert set(weights) <= {ticker for basket in liked for ticker in members[basket]}


@given(members=MEMBERS, scores=st.lists(st.floats(0.001, 10), min_size=3, max_size=3), factor=st.floats(0.01, 100))
def test_scores_in_another_unit_give_the_same_weights(members, scores, factor):
    first = Rotation()([pd.Series(scores, index=list(BOOK))], members)
    second = Rotation()([pd.Series([score * factor for score in scores], index=list(BOOK))], members)
    assert first == pytest.approx(second, rel=1e-9)


@given(scores=st.lists(SCORE, min_size=3, max_size=3), top=st.integers(1, 3))
def test_no_basket_left_out_has_a_better_score_than_one_held(scores, top):
    apart = {"optical": ("A",), "copper": ("B",), "PCB": ("C",)}
    weights = Rotation(top=top)([pd.Series(scores, index=list(apart))], apart)
    by_ticker = dict(zip("ABC", scores, strict=True))
    worst = min((by_ticker[ticker] for ticker in weights), default=math.inf)
    assert len(weights) == min(top, sum(score > 0 for score in scores))
    assert all(not score > worst for ticker, score in by_ticker.items() if ticker not in weights)


def test_scores_that_name_no_basket_and_no_member_are_refused_with_a_near_miss():
    words = "rotation: of the scores' index, opticl: no basket or member 'opticl'; did you mean 'optical'"
    with pytest.raises(ConfigurationError, match=words):
        Rotation()([pd.Series({"opticl": 1.0})], {"optical": ("300308.SZ",)})
