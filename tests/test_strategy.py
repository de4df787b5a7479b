"""What a strategy may be, what it is told when it may not, and the hash that names it."""

import dataclasses
import subprocess
import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core.core_schema import ErrorType
from support.markets import ROOT, spec_of

from backtest.audits.replay import TomorrowsClose
from backtest.errors import ConfigurationError
from backtest.files.options import FIRST, LAST
from backtest.files.rows import EXPECTED, STRICT, Day, parsed_row
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.strategy import DESCRIPTIVE, StrategySpec, build_spec
from backtest.thesis import load_thesis
from backtest.weights import Equal, Exposure, Gate

GATED = {"signals": (SupplyChainExcess(),), "weights": Gate()}


@dataclass
class Melting:
    """A weighting whose fields can change."""

    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()
    share: float = 1.0

    def __call__(self, scores: object, members: object) -> dict[str, float]:
        return {}


def equal(scores: object, members: object) -> dict[str, float]:
    return {}


def refusal(**changes: object) -> str:
    """Return the one line a user would read."""
    with pytest.raises(ConfigurationError) as caught:
        spec_of(**changes).require_names(load_thesis().universe)
    return str(caught.value)


# What is refused


def test_an_unknown_basket_is_refused_with_a_hint():
    assert refusal(baskets=("opticl",)) == "strategy by_hand: no basket 'opticl'; did you mean 'optical'?"


def test_a_basket_like_no_other_is_refused_with_the_list():
    assert refusal(baskets=("zzzzzz",)).startswith("strategy by_hand: no basket 'zzzzzz'; there are: ASIC, GPU, PCB, copper")


def test_another_holding_that_is_no_supplier_is_refused_with_a_hint():
    assert refusal(signals=GATED["signals"], weights=Gate(otherwise="510300.SH")) == (
        "strategy by_hand: no supplier '510300.SH'; did you mean '510300.SS'?"
    )


@pytest.mark.parametrize("end", [date(2022, 12, 31), date(2023, 1, 1)])
def test_an_end_that_is_not_after_the_start_is_refused(end):
    assert refusal(start=date(2023, 1, 1), end=end) == (
        f"strategy by_hand: end is {end}; expected a day after start (2023-01-01)"
    )


def test_a_lag_of_nothing_is_refused():
    assert refusal(lag=0) == "strategy by_hand: lag is 0; expected at least 1"


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("lag", -1, "expected at least 1"),
        ("cost_bps", -0.1, "expected at least 0"),
        ("cost_bps", 1001.0, "expected at most 1000"),
        ("cost_bps", float("nan"), "expected at most 1000"),
        ("capital", 0.0, "expected more than 0"),
        ("capital", -1.0, "expected more than 0"),
        ("capital", float("nan"), "finite number"),
        ("capital", float("inf"), "finite number"),
        ("fill", "noon", "'close' or 'open'"),
        ("slippage_bps", -1.0, "expected at least 0"),
        ("slippage_range", 1.5, "expected at most 1"),
        ("rebalance", "daily", "'weekly', 'monthly' or 'quarterly'"),
        ("base", "EURO", "no currency 'EURO'; did you mean 'EUR'?"),
        ("baskets", (), "at least 1 of them"),
        ("start", "yesterday", "valid date"),
        ("signals", SupplyChainExcess(), "expected a list"),
    ],
)
def test_a_value_out_of_range_is_refused_by_field_with_what_came_and_what_would_do(field, value, wanted):
    message = refusal(**{field: value})
    assert message.startswith(f"strategy by_hand: {field} is {value!r}; ")
    assert wanted in message


def test_what_pydantic_finds_is_told_in_our_words_wherever_it_can_be():
    assert set(EXPECTED) - {*typing.get_args(ErrorType)} == {"sequence_str"}  # which pydantic does not list

    class Limits(BaseModel):
        model_config = STRICT
        day: Day = date(2024, 1, 1)
        share: float = Field(0.5, ge=0.25, lt=0.75)

    class Several(Limits):
        rows: tuple[Limits, ...] = ()
        names: Sequence[str] = ()

    for row, message in (
        ({"share": 0.2}, "here: share is 0.2; expected at least 0.25"),
        ({"share": 0.75}, "here: share is 0.75; expected less than 0.75"),
        ({"share": "a"}, "here: share is 'a'; expected a number"),
        ({"day": "1800-01-01"}, f"here: day is '1800-01-01'; expected a day from {FIRST} to {LAST}"),
        ({"rows": ({"shar": 1},)}, "here: rows.0.shar is 1; expected no field of that name"),
        ({"names": 5}, "here: names is 5; expected a list"),
        ({"rows": (5,)}, "here: rows.0 is 5; expected a table of fields"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            parsed_row(Several, row, "here")
        assert str(refused.value) == message


def test_a_name_that_is_no_file_name_is_refused():
    assert refusal(name="By Hand").startswith("strategy By Hand: name is 'By Hand'; expected a text that matches")


def test_an_unknown_field_is_refused_by_name():
    assert refusal(leverage=2).startswith("strategy by_hand: leverage is 2; no field 'leverage'; there are: base, baskets, ")
    assert refusal(rebalnce="weekly") == "strategy by_hand: rebalnce is 'weekly'; no field 'rebalnce'; did you mean 'rebalance'?"


def test_a_missing_field_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"strategy by_hand: .*baskets"):
        build_spec(name="by_hand", title="t", question="?", weights=Equal())


def test_a_strategy_without_a_title_has_its_name():
    assert build_spec(name="by_hand", baskets=("NVDA",), weights=Equal()).title == "by_hand"


@pytest.mark.parametrize(
    ("signals", "weights", "message"),
    [
        ((), Gate(), "the spec has 0 signal(s); expected 1 for Gate"),
        ((SupplyChainExcess(),), Equal(), "the spec has 1 signal(s); expected 0 for Equal"),
        ((SupplyChainExcess(), RevenueCapexRatio()), Exposure(full_at=0.1), "the spec has 2 signal(s); expected 1 for Exposure"),
    ],
)
def test_a_count_of_signals_the_weighting_does_not_want_is_refused(signals, weights, message):
    assert refusal(signals=signals, weights=weights) == f"strategy by_hand: {message}"


@pytest.mark.parametrize("weights", [equal, Equal, "equal", 1.0, None], ids=["function", "class", "name", "number", "nothing"])
def test_a_weighting_that_is_no_frozen_dataclass_is_refused(weights):
    assert "is no signal or weighting; expected an instance of a frozen dataclass" in refusal(weights=weights)


def test_a_signal_that_is_no_frozen_dataclass_is_refused():
    assert "expected an instance of a frozen dataclass" in refusal(signals=(SupplyChainExcess,), weights=Gate())


def test_a_dataclass_that_is_not_frozen_is_refused():
    assert "expected an instance of a frozen dataclass" in refusal(weights=Melting())


def test_a_signal_with_a_field_that_can_change_is_refused():
    assert "frozen" in refusal(signals=(SupplyChainExcess(leaders=["300308.SZ"]),), weights=Gate())  # type: ignore[arg-type]


def test_a_signal_in_the_place_of_a_weighting_is_refused():
    assert "weight" in refusal(weights=SupplyChainExcess())


def test_a_basket_named_twice_is_refused():
    assert "optical" in refusal(baskets=("optical", "optical"))


def test_a_book_of_several_baskets_needs_a_currency():
    assert "base is 'local' in a book of several baskets; expected a currency like CNY or USD" in refusal(
        baskets=("optical", "GPU"), together=True
    )


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValidationError):
        spec_of().lag = 2


# What is allowed


def test_a_ticker_is_a_basket_of_one():
    assert spec_of(baskets=("300308.SZ",)).tickers("300308.SZ", load_thesis().universe) == ("300308.SZ",)


def test_a_book_can_hold_its_members_and_what_the_weighting_holds_beside_them():
    spec = spec_of(baskets=("GPU",), signals=(SupplyChainExcess(),), weights=Gate(otherwise="510300.SS"))
    assert spec.tickers("GPU", load_thesis().universe) == ("510300.SS", "AMD", "NVDA")


def test_each_basket_is_a_book_of_its_own():
    assert spec_of(baskets=("optical", "GPU")).books == {"optical": ("optical",), "GPU": ("GPU",)}


def test_baskets_together_are_one_book_named_after_the_strategy():
    spec = spec_of(baskets=("copper", "GPU"), together=True, base="USD")
    assert (spec.books, spec.tickers("by_hand", load_thesis().universe)) == (
        {"by_hand": ("copper", "GPU")},
        ("002130.SZ", "300563.SZ", "300913.SZ", "AMD", "NVDA"),
    )


def test_replaced_changes_only_what_it_is_asked_to():
    before, after = spec_of(**GATED), spec_of(**GATED).replaced(lag=3)
    assert {name for name, value in after.as_dict().items() if value != before.as_dict()[name]} == {"lag"}


def test_replaced_leaves_the_former_as_it_was():
    spec = spec_of()
    spec.replaced(lag=3)
    assert spec.lag == 1


def test_replaced_is_checked_like_a_new_spec():
    with pytest.raises(ConfigurationError, match="lag is 0"):
        spec_of().replaced(lag=0)


def test_replaced_refuses_a_field_there_is_not():
    with pytest.raises(ConfigurationError, match="leverage is 2; no field 'leverage'"):
        spec_of().replaced(leverage=2)


# The hash


CHANGES = {
    "name": "another_name",
    "title": "Another title",
    "question": "Another question?",
    "baskets": ("AMD",),
    "together": True,
    "signals": (RevenueCapexRatio(),),
    "weights": Gate(above=0.01),
    "rebalance": "weekly",
    "lag": 2,
    "cost_bps": 11.0,
    "fill": "open",
    "slippage_bps": 7.5,
    "slippage_range": 0.25,
    "capital": 2_000_000.0,
    "base": "CNY",
    "start": date(2023, 1, 2),
    "end": date(2026, 1, 1),
}
FIXED = GATED | {"base": "USD"}


@pytest.mark.parametrize("field", CHANGES)
def test_the_hash_changes_with_every_field(field):
    assert spec_of(**FIXED).replaced(**{field: CHANGES[field]}).spec_id != spec_of(**FIXED).spec_id


def test_no_field_is_left_out_of_that_test():
    assert set(CHANGES) == set(spec_of().as_dict())


def test_the_hash_changes_with_a_parameter_of_a_signal():
    spec = spec_of(signals=(RevenueCapexRatio(),), weights=Gate())
    assert spec.spec_id != spec_of(signals=(RevenueCapexRatio(window=2),), weights=Gate()).spec_id


def test_the_hash_changes_with_the_kind_of_weighting_whose_fields_are_equal():
    assert len({spec_of().spec_id, spec_of(**GATED).spec_id, spec_of(**GATED | {"weights": Exposure(full_at=1.0)}).spec_id}) == 3


def test_the_order_of_books_is_part_of_the_hash():
    assert spec_of(baskets=("GPU", "PCB")).spec_id != spec_of(baskets=("PCB", "GPU")).spec_id


def test_the_hash_is_sixteen_hexadecimal_digits():
    assert len(spec_of().spec_id) == 16
    int(spec_of().spec_id, 16)


def test_equal_specs_have_one_hash():
    assert spec_of(**GATED).spec_id == spec_of(**GATED).spec_id


def test_numbers_that_are_equal_have_one_hash_however_they_are_written():
    whole, fraction = (spec_of(signals=GATED["signals"], weights=Gate(above=above)) for above in (0, 0.0))
    assert (whole == fraction, whole.spec_id) == (True, fraction.spec_id)


@pytest.mark.process
def test_the_hash_is_the_same_in_another_process():
    code = "import sys; sys.path.insert(0, 'tests'); from support.markets import spec_of; print(spec_of().spec_id)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == spec_of().spec_id


def test_a_signal_that_keeps_an_archive_in_a_field_is_refused_in_one_line(archive):
    spec = spec_of(signals=(TomorrowsClose(archive, "NVDA"),), weights=Gate())
    with pytest.raises(ConfigurationError, match="a field of type DataFrame; expected numbers, text"):
        spec.as_dict()


def test_every_field_of_a_spec_is_in_exactly_one_part_or_only_describes_it():
    """A cache keyed by the parts cannot forget a field that is added."""
    spec = spec_of()
    parts = [field.name for part in (spec.scope, spec.policy, spec.execution) for field in dataclasses.fields(part)]
    assert sorted([*parts, *DESCRIPTIVE]) == sorted(StrategySpec.model_fields)


def test_the_parts_of_a_spec_have_its_values():
    spec = spec_of(baskets=("NVDA", "GPU"), lag=2, slippage_bps=3.0, capital=5.0, rebalance="weekly", start="2024-02-03")
    for part in (spec.scope, spec.policy, spec.execution):
        assert all(getattr(part, field.name) == getattr(spec, field.name) for field in dataclasses.fields(part))
    assert {spec.scope, spec.policy, spec.execution} == {spec.replaced().scope, spec.replaced().policy, spec.replaced().execution}
