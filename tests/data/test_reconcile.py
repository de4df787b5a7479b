"""Live figures beside the embedded ones, decisions and typed rows: what a run may use."""

import pandas as pd
import pytest

from backtest.data.archive import load_archive
from backtest.data.overrides import load_decisions
from backtest.data.store import live
from backtest.data.store.append_only import Store
from backtest.errors import ConfigurationError, DataError

NAME = {"entity": "MSFT", "metric": "purchases_ppe", "period": "FY2023Q1", "period_end": pd.Timestamp("2022-09-30")}
EMBEDDED = 6283.0  # capex.csv: known 2022-10-25
HEADER = "entity,metric,period,period_end,known_at,value,unit,evidence,confidence,source,note"


def stored(home, *figures):
    """Return a store whose SEC table holds some (value, known_at) of MSFT's FY2023Q1."""
    store = Store(home)
    table = pd.DataFrame(
        [
            NAME | {"known_at": pd.Timestamp(known), "value": float(value), "unit": "USD_m", "evidence": "reported",
                    "source": "SEC company facts, 10-Q x", "note": "", "stated_at": pd.Timestamp(known),
                    "first_seen": pd.Timestamp(known), "answer": "0"}
            for value, known in figures
        ]
    )  # fmt: skip
    with store.writing():
        store.write("facts/sec", table, {"seen": {}}, pd.Timestamp("2026-08-03T12:00Z"))
    return store


def used(store):
    """Return (value, known_at) of every MSFT FY2023Q1 row a run sees, by when it was known."""
    rows = live.load_figures(store).rows
    own = rows[(rows["entity"] == "MSFT") & (rows["metric"] == "purchases_ppe") & (rows["period"] == "FY2023Q1")]
    return list(zip(own["value"], own["known_at"].dt.strftime("%Y-%m-%d"), strict=True))


def outcome(store):
    return live.reconciled(store).outcomes["outcome"].tolist()


def test_an_equal_figure_known_later_adds_nothing(tmp_path):
    store = stored(tmp_path, (EMBEDDED, "2022-10-27T00:00Z"))
    assert outcome(store) == ["equal"]
    assert used(store) == [(EMBEDDED, "2022-10-26")]
    assert live.load_figures(store).data_id == live.load_facts().data_id


def test_an_equal_figure_known_earlier_counts_from_then(tmp_path):
    store = stored(tmp_path, (EMBEDDED, "2022-10-25T20:10Z"))
    assert used(store) == [(EMBEDDED, "2022-10-25"), (EMBEDDED, "2022-10-26")]


def test_a_later_version_of_an_equal_figure_is_kept_beside_it(tmp_path):
    store = stored(tmp_path, (EMBEDDED, "2022-10-27T00:00Z"), (7000.0, "2023-10-27T00:00Z"))
    assert outcome(store) == ["revised"]
    assert used(store) == [(EMBEDDED, "2022-10-26"), (7000.0, "2023-10-27")]


def test_a_figure_a_little_different_is_kept_beside_the_embedded_one(tmp_path):
    store = stored(tmp_path, (6300.0, "2022-10-27T00:00Z"))
    assert outcome(store) == ["revised"]
    assert used(store) == [(EMBEDDED, "2022-10-26"), (6300.0, "2022-10-27")]


def test_two_figures_of_one_minute_are_told_apart_the_live_one_later(tmp_path):
    store = stored(tmp_path, (6300.0, "2022-10-26T00:00Z"))
    assert [value for value, _ in used(store)] == [EMBEDDED, 6300.0]


def test_a_figure_in_conflict_is_refused_until_a_person_decides(tmp_path):
    store = stored(tmp_path, (18_849.0, "2022-10-27T00:00Z"))
    assert outcome(store) == ["conflict"]
    assert used(store) == [(EMBEDDED, "2022-10-26")]
    assert live.reconciled(store).conflicts() == [
        "sec MSFT purchases_ppe FY2023Q1: 18849, embedded 6283; not used until a [[figure]] row in decisions.toml says which"
    ]


@pytest.mark.parametrize(("use", "last"), [("live", 18_849.0), ("reference", EMBEDDED)])
def test_a_decision_settles_a_conflict(use, last, tmp_path):
    store = stored(tmp_path, (18_849.0, "2022-10-24T00:00Z"))
    row = f'entity = "MSFT"\nmetric = "purchases_ppe"\nperiod = "FY2023Q1"\nuse = "{use}"\nreason = "looked it up"\n'
    (tmp_path / "decisions.toml").write_text(f"[[figure]]\n{row}", encoding="utf-8")
    assert outcome(store) == ["decided"]
    assert used(store)[-1][0] == last


def test_a_figure_nobody_had_is_new(tmp_path):
    store = stored(tmp_path, (1.0, "2022-10-27T00:00Z"))
    table = store.read("facts/sec").assign(period="FY2030Q1")
    with store.writing():
        store.write("facts/sec", table, {"seen": {}}, pd.Timestamp("2026-08-03T12:00Z"))
    assert outcome(store) == ["new"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[figures]]\n", "'figures' is no heading of this file; expected"),
        ('[[price]]\nticker = "NVDA"\nsession = 2024-06-10\n', "decisions.toml price 1: reason"),
        ("[[price]\n", "not readable as TOML"),
        ('[figure]\nuse = "live"\n', "figure is {'use': 'live'}; expected [[figure]] rows"),
    ],
)
def test_a_bad_decision_is_refused_by_row_and_field(text, words, tmp_path):
    (tmp_path / "decisions.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_decisions(tmp_path)
    assert words in str(error.value)


def typed(home, source, known_at="2026-11-18T21:20Z", value="51200"):
    (home / "typed").mkdir(parents=True)
    row = f"NVDA,data_center_revenue,FY2027Q3,2026-10-25,{known_at},{value},USD_m,reported,high,{source},typed"
    (home / "typed" / "nvidia.csv").write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    return Store(home)


def test_a_typed_figure_counts_from_its_own_moment(tmp_path, monkeypatch):
    typed(tmp_path, "https://example.org/release")
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    rows = load_archive(["NVDA"], facts="store").facts.rows
    own = rows[rows["period"].eq("FY2027Q3") & rows["metric"].eq("data_center_revenue")]
    assert own["known_at"].tolist() == [pd.Timestamp("2026-11-18T21:20Z")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a release",), "nvidia.csv row 2: source is 'a release'; expected a link"),
        (("https://example.org", "2026-10-01"), "before its period ended"),
        (("https://example.org", "2026-11-18", "much"), "value is 'much'; expected a number in USD million"),
        (("https://example.org", "2026-11-18", "-51200"), "nvidia.csv row 2: value is '-51200'; expected more than 0"),
        (("https://example.org", "2026-11-18", "51200000000"), "nvidia.csv row 2: value is '51200000000'; expected at most"),
    ],
)
def test_a_typed_figure_is_validated_like_the_rest(arguments, words, tmp_path):
    with pytest.raises(DataError, match=words):
        live.load_figures(typed(tmp_path, *arguments))
