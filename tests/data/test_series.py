"""Series: what names the figures that signals read."""

import pickle

import pytest

from backtest.data.metrics import load_metrics
from backtest.data.series import Series, series_of
from backtest.errors import ConfigurationError


def test_a_series_has_label_units_and_sign_of_its_metric():
    series = Series("NVDA", "data_center_revenue")
    row = load_metrics()["data_center_revenue"]
    assert (series.label, series.units, series.sign) == (row.label, row.units, row.sign)


def test_a_series_is_the_pair_of_its_entity_and_metric():
    assert {Series("NVDA", "revenue"): 1}["NVDA", "revenue"] == 1


def test_a_metric_without_a_row_is_refused_with_a_near_miss():
    with pytest.raises(ConfigurationError, match=r"no metric 'purchase_ppe'; did you mean 'purchases_ppe'\?"):
        Series("AMZN", "purchase_ppe")


def test_a_metric_by_a_name_that_only_tables_use_is_refused_with_its_own():
    with pytest.raises(
        ConfigurationError, match=r"no metric 'total_revenue'; tables may call 'revenue' so, code reads 'revenue'"
    ):
        Series("NVDA", "total_revenue")


def test_a_metric_of_ones_own_rows_is_taken_and_survives_pickling():
    own = load_metrics()["revenue"].model_copy(update={"name": "backlog"})
    series = pickle.loads(pickle.dumps(Series("ACME", own)))
    assert (series, series.row) == (("ACME", "backlog"), own)


def test_several_entities_have_a_series_each():
    assert series_of(("AMZN", "META"), "purchases_ppe") == (("AMZN", "purchases_ppe"), ("META", "purchases_ppe"))
