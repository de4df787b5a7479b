import pkgutil
from importlib import import_module

import pytest
from pydantic import BaseModel, ValidationError

import backtest
from backtest import errors
from backtest.claims.rows import MEASURES, arguments_of
from backtest.files.rows import EXPECTED

CODES = [("BacktestError", 1), ("ConfigurationError", 2), ("DataError", 3), ("LookAheadError", 4)]


@pytest.mark.parametrize(("name", "code"), CODES)
def test_each_error_carries_the_exit_code_of_the_command_line(name, code):
    assert getattr(errors, name).exit_code == code


@pytest.mark.parametrize("name", [name for name, _ in CODES])
def test_every_error_can_be_caught_as_one_kind(name):
    with pytest.raises(errors.BacktestError, match="said"):
        raise getattr(errors, name)("said")


def test_a_near_miss_names_what_was_probably_meant():
    assert errors.near_miss("basket", "opticl", ["copper", "optical"]) == "no basket 'opticl'; did you mean 'optical'?"


def test_a_name_far_from_all_gets_the_whole_list_in_order():
    assert errors.near_miss("basket", "zzz", ["optical", "copper"]) == "no basket 'zzz'; there are: copper, optical"


WRONG = (
    5, -1, 1e9, "x", "", float("nan"), [], {}, None, True, [5], {"a": 1}, ["x", "x"], ("a",), "2024-13-01", [[1]], [{"a": 1}],
    object(),
)  # fmt: skip
OURS = {*EXPECTED, "missing", "extra_forbidden", "value_error"}  # whose words are this project's


def models():
    """Return every model of the package's rows and specs."""
    for module in pkgutil.walk_packages(backtest.__path__, "backtest."):
        if ".template" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    for measure in MEASURES:
        arguments_of(measure)
    waiting, every = [BaseModel], []
    while waiting:
        waiting += (own := waiting.pop().__subclasses__())
        every += [model for model in own if model.__module__.startswith("backtest.")]
    return every


def test_whatever_is_wrong_with_a_field_is_said_in_this_project_s_words():
    pairs = [(model, field) for model in models() for field in model.model_fields]
    assert len(pairs) > 100
    for model, field in pairs:
        for value in WRONG:
            try:
                model.model_validate({field: value})
            except ValidationError as error:
                kinds = {fault["type"] for fault in error.errors() if fault["loc"][:1] == (field,)}
                assert kinds <= OURS, (model, field, value)
