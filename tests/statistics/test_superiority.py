"""The test over many trials in parts, against `arch` holding them all."""

import numpy as np
import pandas as pd
import pytest

from backtest.statistics.overfitting import superior
from backtest.statistics.refusal import Refused
from backtest.statistics.superiority import Superiority


@pytest.mark.parametrize("planted", [0.0, 0.001, 0.004])
def test_trials_in_parts_give_the_p_values_of_arch(planted):
    returns = np.random.default_rng(5).normal(-0.0005, 0.01, (300, 41))
    returns[:, 17] += planted
    whole = superior(pd.Series(0.0, range(300)), pd.DataFrame(returns), 11, 8, 400)
    parts = Superiority(300, 8, 11, 400)
    for first in range(0, 41, 7):
        parts.add(returns[:, first : first + 7])
    assert parts.result() == whole


def test_trials_equal_to_the_benchmark_say_nothing():
    test = Superiority(60, 5, 1, 50)
    test.add(np.zeros((60, 3)))
    assert isinstance(test.result(), Refused)
