import pytest

from backtest import errors

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
