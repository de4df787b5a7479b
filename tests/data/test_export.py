"""A snapshot of the store repeats a run anywhere, whatever becomes of the store."""

import json
import shutil

import pytest

from backtest.data.archive import load_archive
from backtest.data.store.append_only import Store

SINCE = ("--since", "2025-01-02")
RUN = ("run", "supply_chain_excess", "--start", "2026-02-02", "--end", "2026-06-30")


@pytest.fixture(scope="module")
def pulled_once(tmp_path_factory):
    return tmp_path_factory.mktemp("pulled") / "home"


@pytest.fixture
def filled(command, store, pulled_once):
    """A store with what one source gives of every ticker, and another of two: pulled once, and copied for each test."""
    if not pulled_once.exists():
        for source in (("--source", "yahoo"), ("300308.SZ", "300502.SZ", "--source", "eastmoney")):
            code, _, errors = command("data", "pull", *source, *SINCE)
            assert (code, errors) == (0, [])
        shutil.copytree(store.home, pulled_once)
    return Store(shutil.copytree(pulled_once, store.home, dirs_exist_ok=True))


def change(source_server):
    """Let every price of a share move and a figure be revised, as if days had gone by."""
    source_server.prices["300308.SZ"] = lambda table: table.assign(
        **{name: table[name] * 1.001 for name in ("open", "high", "low", "close")}
    )
    source_server.reports["300308"] = lambda rows: [
        row | {"TOTAL_OPERATE_INCOME": row["TOTAL_OPERATE_INCOME"] * (1.01 if "2024-03-31" in row["REPORTDATE"] else 1)}
        for row in rows
    ]


def test_a_run_on_its_export_is_the_run_on_the_store_byte_for_byte_after_the_store_has_moved_on(
    command, filled, source_server, tmp_path
):
    live = command(*RUN, "--prices", "store", "--facts", "store", "--out", tmp_path / "live", "--json")
    assert live[0] == 0, live
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    before = load_archive(["300308.SZ"], "store", "store").data_id
    change(source_server)
    assert command("data", "pull", "300308.SZ", "--again", *SINCE)[0] == 0
    assert load_archive(["300308.SZ"], "store", "store").data_id != before
    snapshot = tmp_path / "snapshot"
    replayed = command(*RUN, "--prices", snapshot, "--facts", snapshot, "--out", tmp_path / "replayed", "--json")
    assert replayed[1] == live[1]
    for name in ("equity.parquet", "weights.parquet", "orders.parquet", "index.html"):
        first, second = (tmp_path / folder / "supply_chain_excess" / name for folder in ("live", "replayed"))
        assert first.read_bytes() == second.read_bytes(), name


def test_a_snapshot_is_never_written_over_and_is_whole_or_absent(command, filled, tmp_path):
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    code, _, errors = command("data", "export", tmp_path / "snapshot")
    assert code == 3
    assert "a snapshot is never written over" in errors[0]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".snapshot")] == []
    page = json.loads((tmp_path / "snapshot" / "snapshot.json").read_text(encoding="utf-8"))
    assert page["source"] == "yahoo"
    assert "NVDA" in page["tickers"]


def test_an_empty_store_gives_no_snapshot(command, store, tmp_path):
    code, _, errors = command("data", "export", tmp_path / "snapshot")
    assert (code, len(errors)) == (3, 1)
    assert errors[0].endswith("no prices and no figures to write; expected some from 'capex-backtest data pull'")
    assert not (tmp_path / "snapshot").exists()


def test_the_rows_of_a_snapshot_speak_only_of_what_the_sources_added(command, filled, tmp_path, source_server):
    change(source_server)
    command("data", "pull", "300308.SZ", "--source", "eastmoney", "--again")
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    lines = (tmp_path / "snapshot" / "live.csv").read_text(encoding="utf-8").splitlines()
    # a first quarter restated alone also moves the second, which is the half year less the first
    assert [line.split(",")[:3] for line in lines[1:]] == [["300308.SZ", "revenue", f"2024Q{quarter}"] for quarter in (1, 2)]


def test_prices_from_yahoo_are_pulled_where_they_lack_and_a_run_without_a_network_says_what_to_use(
    command, store, source_server, monkeypatch, tmp_path
):
    arguments = ("run", "supply_chain_excess", "--prices", "yahoo", "--start", "2026-06-01", "--out", tmp_path)
    monkeypatch.setenv("BACKTEST_YAHOO_URL", "http://127.0.0.1:9")
    code, out, errors = command(*arguments)
    assert (code, out) == (3, "")
    assert len(errors) == 1
    assert "cannot be reached" in errors[0]
    assert "--prices reference" in errors[0]
    monkeypatch.setenv("BACKTEST_YAHOO_URL", source_server.address)
    code, _, errors = command(*arguments)
    assert (code, errors) == (0, [])
    monkeypatch.setenv("BACKTEST_YAHOO_URL", "http://127.0.0.1:9")
    assert command(*arguments)[0] == 0  # nothing lacks: no network is needed


def test_a_store_without_a_ticker_says_how_to_get_it(command, store):
    code, _, errors = command("signals", "--prices", "store")
    assert code == 3
    assert "run 'capex-backtest data pull', or use --prices reference" in errors[0]


def test_a_ticker_left_behind_its_market_is_stale_and_not_taken_for_delisted(command, store, source_server):
    source_server.prices["AMD"] = lambda table: table.iloc[:-15]
    command("data", "pull", "NVDA", "AMD", "CNY=X", "--source", "yahoo", "--since", "2026-06-01")
    code, _, errors = command("run", "theme_baskets", "--basket", "AMD", "--prices", "store", "--out", store.home / "out")
    assert code == 3
    assert "no prices of" in errors[0] or "prices of AMD end on" in errors[0]


def test_an_unknown_folder_of_figures_is_refused(command, tmp_path):
    code, _, errors = command("claims", "--facts", tmp_path / "nowhere")
    assert code == 3
    assert "no such folder of figures" in errors[0]
