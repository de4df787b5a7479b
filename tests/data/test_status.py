"""What `data status` says of the embedded prices and figures, held to the files themselves."""

import csv

import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.data.store.status import embedded

NOW = pd.Timestamp("2026-10-10T12:00Z")


@pytest.fixture(scope="module")
def status():
    return embedded(NOW)


def test_every_embedded_ticker_has_its_sessions_and_the_age_of_the_last(status):
    rows = pd.read_parquet(reference.FOLDER / reference.PRICES)
    for ticker, own in rows.groupby("ticker"):
        about = status["prices"][ticker]
        assert (about["first"], about["last"], about["sessions"]) == (f"{min(own.session)}", f"{max(own.session)}", len(own))
        assert about["days_old"] == (pd.Timestamp("2026-10-10") - pd.Timestamp(max(own.session))).days


def test_closes_only_are_told_from_bars(status):
    assert status["prices"]["QQQ"] == {
        "first": "2022-01-03", "last": "2026-10-06", "last_bar": "2026-08-21", "sessions": 1194, "days_old": 4,
    }  # fmt: skip


def test_every_embedded_entity_has_its_figures_and_the_age_of_the_newest(status):
    counted = {}
    for name in reference.FACT_TABLES:
        for row in csv.DictReader((reference.FOLDER / name).read_text(encoding="utf-8").splitlines()):
            counted.setdefault(row["entity"], []).append(row["known_at"])
    assert {entity: about["figures"] for entity, about in status["figures"].items()} == {
        entity: len(days) for entity, days in counted.items()
    }
    assert max(counted["META"])[:10] == "2026-07-29"
    assert (status["figures"]["META"]["newest"], status["figures"]["META"]["days_old"]) == ("2026-07-29", 72)
