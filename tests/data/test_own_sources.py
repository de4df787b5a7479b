"""A source is one file: those of the documents, in a folder of a test's own, go through every command, no other file changed."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from source_server import made_up_prices

from backtest.data.archive import load_archive
from backtest.data.sources.discovery import load_sources
from backtest.data.store.append_only import Store
from backtest.data.store.status import verify
from backtest.errors import ConfigurationError
from backtest.thesis import load_thesis

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "how_to" / "source.md").read_text("utf-8")
EXAMPLES = re.findall(r"`sources/(\w+\.py)`.*?```python\n(.*?)```", DOCUMENT, re.DOTALL)
EMBEDDED = {
    "period": "FY2024Q1",
    "end": "2024-03-31",
    "published": "2024-05-02T00:00Z",
    "million": 14925.0,
}
NEW = {"period": "FY2026Q3", "end": "2026-09-30", "published": "2026-10-30T12:00Z", "million": 61000.0}
SINCE = ("--since", "2025-01-02")
QUOTES = ("open", "high", "low", "close")
HOLDER = """
from datetime import date

from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(name="mine", title="Mine", question="?", baskets=("NVDA",), weights=Equal(), start=date(2025, 6, 2))
"""


@pytest.fixture
def thesis(tmp_path, source_server, store, monkeypatch):
    """The folder of a thesis with the rows of the shipped one and the two sources of the document, which a server answers."""
    folder = tmp_path / "mine"
    shutil.copytree(load_thesis().folder, folder)
    (folder / "sources").mkdir()
    for name, text in EXAMPLES:
        (folder / "sources" / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv(f"BACKTEST_{name.removesuffix('.py').upper()}_URL", source_server.address)

    def capex(query):
        return json.dumps({"quarters": [EMBEDDED, NEW] if query["company"] == "AMZN" else []}).encode()

    def daily(query):
        today = source_server.now().tz_localize(None).normalize()
        table = made_up_prices(query["ticker"], pd.Timestamp(query["since"]), today).drop(columns=["dividend", "split"])
        return table.rename_axis("session").to_csv().encode()

    source_server.pages |= {"/capex": capex, "/daily.csv": daily}
    monkeypatch.chdir(folder)
    return folder


def test_the_examples_of_the_document_are_two_sources(thesis):
    sources = load_sources(thesis / "sources")
    assert [name for name, _ in EXAMPLES] == ["acme.py", "ticks.py"]
    assert list(sources) == ["yahoo", "ticks", "sec", "acme", "eastmoney"]  # acme before its equal of the package
    assert list(load_sources()) == ["yahoo", "sec", "eastmoney"]


def test_figures_of_one_file_are_pulled_stored_reconciled_derived_shown_and_exported(thesis, command, store, tmp_path):
    code, out, errors = command("data", "pull", "--source", "acme")
    assert (code, errors, out.splitlines()[0]) == (0, [], "acme: 2 new, 0 changed, 0 unchanged")
    assert store.read("facts/acme")["value"].tolist() == [EMBEDDED["million"], NEW["million"]]
    assert verify(store, load_sources(thesis / "sources"))[1] == []
    status = json.loads(command("data", "status", "--json")[1])
    figures = status["figures"]["AMZN purchases_ppe"]
    assert (figures["source"], figures["outcomes"], figures["last"]) == ("acme", {"equal": 1, "new": 1}, "2026Q3")
    rows = load_archive(["NVDA"], facts="store", thesis=load_thesis(thesis)).facts.rows
    own = rows[rows["entity"].eq("AMZN") & rows["period"].eq("FY2026Q3") & rows["metric"].eq("purchases_ppe")]
    assert own[["value", "confidence", "source"]].to_numpy().tolist() == [[NEW["million"], "medium", "ACME Filings"]]
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    assert "AMZN,purchases_ppe,FY2026Q3" in (tmp_path / "snapshot" / "live.csv").read_text(encoding="utf-8")
    code, out, _ = command("data", "pull", "--source", "acme")
    assert (code, "fresh and not asked: 1" in out) == (0, True)


def test_figures_of_the_better_source_count_where_two_give_the_same(thesis, command, store):
    assert command("data", "pull", "AMZN", "--source", "acme", "--source", "sec")[0] == 0
    rows = load_archive(["NVDA"], facts="store", thesis=load_thesis(thesis)).facts.rows
    own = rows[rows["entity"].eq("AMZN") & rows["period"].eq("FY2024Q1") & rows["metric"].eq("purchases_ppe")]
    assert "ACME Filings" not in set(own["source"])
    status = json.loads(command("data", "status", "--json")[1])["figures"]
    assert [name for name in status if "AMZN" in name] == ["AMZN purchases_ppe", "AMZN purchases_ppe (acme)"]


def test_prices_of_one_file_are_pulled_by_a_run_and_counted_in_its_ids(thesis, command, store, tmp_path):
    (thesis / "strategies").mkdir()
    (thesis / "strategies" / "mine.py").write_text(HOLDER, encoding="utf-8")
    arguments = ("run", "mine", "--end", "2026-06-30", "--json")
    code, out, errors = command(*arguments, "--prices", "ticks", "--out", tmp_path / "first")
    assert (code, errors) == (0, [])
    assert (store.tables("prices"), "prices-ticks/NVDA" in store.tables()) == ([], True)
    first = json.loads(out)
    assert first["prices"]["source"] == "ticks"
    assert "--prices store:ticks" in first["command"]
    again = json.loads(command(*arguments, "--prices", "store:ticks", "--out", tmp_path / "again")[1])
    assert again == first
    assert command("verify", tmp_path / "first" / "mine", "--prices", "store:ticks")[0] == 0
    source = thesis / "sources" / "ticks.py"
    source.write_text(source.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    changed = json.loads(command(*arguments, "--prices", "store:ticks", "--out", tmp_path / "changed")[1])
    assert (changed["data_id"], changed["code_id"] != first["code_id"]) == (first["data_id"], True)


def test_prices_of_two_sources_stand_apart_and_the_better_ones_count(thesis, command, store, source_server, tmp_path):
    source_server.prices["NVDA"] = lambda table: table.assign(**{name: table[name] * 2 for name in QUOTES})
    code, _, errors = command("data", "pull", "NVDA", "AMD", "--source", "ticks", *SINCE)
    assert (code, errors) == (0, [])
    assert command("data", "pull", "NVDA", "--source", "yahoo", *SINCE)[0] == 0
    assert verify(store, load_sources(thesis / "sources"))[1] == []
    mine = load_thesis(thesis)
    both = load_archive(["AMD", "NVDA"], "store", thesis=mine).prices
    own = load_archive(["AMD", "NVDA"], "store:ticks", thesis=mine).prices
    assert (both.source, own.source) == ("ticks, yahoo", "ticks")
    assert (both.wealth["NVDA"] / own.wealth["NVDA"]).dropna().round(9).eq(2).all()
    pd.testing.assert_series_equal(both.wealth["AMD"], own.wealth["AMD"])
    status = json.loads(command("data", "status", "--json")[1])["prices"]
    assert {name: row["source"] for name, row in status.items()} == {"NVDA": "yahoo", "NVDA (ticks)": "ticks", "AMD": "ticks"}
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    assert load_archive(["AMD", "NVDA"], str(tmp_path / "snapshot"), thesis=mine).prices.data_id == both.data_id


def test_a_session_that_has_not_closed_is_left_out_for_every_source(thesis, command, store):
    assert command("data", "pull", "NVDA", "300308.SZ", "--source", "ticks", *SINCE)[0] == 0
    lasts = [store.price_coverage(f"prices-ticks/{ticker}")["last"] for ticker in ("NVDA", "300308.SZ")]
    assert lasts == ["2026-11-19", "2026-11-20"]  # the clock stands at noon UTC of the 20th


def test_the_rows_of_a_source_whose_file_is_gone_are_named_by_verify_and_not_used(thesis, command, store):
    command("data", "pull", "AMZN", "--source", "acme")
    (thesis / "sources" / "acme.py").unlink()
    (fault,) = verify(store, load_sources(thesis / "sources"))[1]
    assert fault.startswith("tables/facts/acme: its rows cannot be derived from the answers: no source with such tables 'acme'")
    assert json.loads(command("data", "status", "--json")[1])["figures"] == {}


UNSURE = EXAMPLES[0][1].replace("    def keys", '    confidence = "sure"\n\n    def keys')
FILES = {
    "empty.py": ("", "defines no source; expected SOURCE = an instance of a PriceSource or FigureSource"),
    "broken.py": ("x = (\n", "broken.py line 1: SyntaxError: '(' was never closed"),
    "failing.py": ("import json\n\njson.no\n", "failing.py line 3: AttributeError: module 'json' has no attribute 'no'"),
    "leaving.py": ("import sys\n\nsys.exit('done')\n", "leaving.py line 3: SystemExit: done"),
    "lost.py": ("import no_such_module\n", "lost.py line 1: ModuleNotFoundError: No module named 'no_such_module'"),
    "other.py": (EXAMPLES[0][1], "other.py: name is 'acme'; expected 'other', as the file"),
    "yahoo.py": (EXAMPLES[1][1], "yahoo.py: there is a source 'yahoo' already; expected another name"),
    "store.py": (EXAMPLES[1][1], "'store' is no name of a source"),
    "Big.py": (EXAMPLES[1][1], "'Big' is no name of a source; expected lower-case letters"),
    "acme.py": (UNSURE, "confidence is 'sure'; expected high, medium, low"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_source_is_one_line_that_names_it(name, tmp_path):
    text, words = FILES[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=re.escape(words)) as refused:
        load_sources(tmp_path)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_whose_name_begins_with_a_line_is_no_source(tmp_path):
    (tmp_path / "_helper.py").write_text("VALUE = 1\n", encoding="utf-8")
    assert list(load_sources(tmp_path)) == list(load_sources())


ROWS = "pd.DataFrame(rows)"
PARSES = {
    "raises": ('["quarters"]', '["years"]', "not the answer we know (KeyError: 'years')"),
    "has a typo": ("json.loads", "jsn.loads", "not the answer we know (NameError: name 'jsn' is not defined"),
    "lacks a column": (ROWS, f'{ROWS}.drop(columns="unit")', "parse gives no column 'unit'"),
    "gives texts for numbers": (ROWS, f'{ROWS}.astype({{"value": str}})', "value is '14925.0' (a column of"),
    "gives a time without a zone": (ROWS, f'{ROWS}.assign(known_at=pd.Timestamp("2024-05-02"))', "expected moments in UTC"),
}


@pytest.mark.parametrize("name", PARSES)
def test_a_source_whose_code_fails_is_one_line_and_nothing_is_stored(name, thesis, command, store):
    before, after, words = PARSES[name]
    source = thesis / "sources" / "acme.py"
    text = source.read_text(encoding="utf-8")
    assert before in text
    source.write_text(text.replace(before, after), encoding="utf-8")
    code, _, errors = command("data", "pull", "AMZN", "--source", "acme")
    assert (code, len(errors)) == (3, 1)
    assert words in errors[0]
    assert Store(store.home).tables() == []


def test_prices_of_a_misspelt_source_are_refused_with_a_near_miss(thesis, command):
    for typed, meant in (("tick", "ticks"), ("rreference", "reference"), ("store:yaho", "yahoo")):
        code, _, errors = command("signals", "--prices", typed)
        assert (code, f"did you mean '{meant}'?" in errors[0]) == (2, True)


def test_a_source_of_figures_is_no_source_of_prices(thesis, command):
    code, _, errors = command("signals", "--prices", "acme")
    assert (code, errors) == (2, ["error: source 'acme' gives no prices; expected one that does, 'reference' or a folder"])


FETCH = 'client.get_json(key, "/capex", {"company": key})'


def edited(thesis, *pairs):
    source = thesis / "sources" / "acme.py"
    text = source.read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    source.write_text(text, encoding="utf-8")
    return load_sources(thesis / "sources")


def test_a_library_that_asks_by_itself_has_its_bytes_stored_and_derived(thesis, command, store, source_server):
    body = json.dumps({"quarters": [NEW]})
    sources = edited(thesis, (FETCH, f'client.keep_own(key, "capex/AMZN", {body.encode()!r})'))
    assert command("data", "pull", "AMZN", "--source", "acme")[0] == 0
    assert (source_server.requests, store.read("facts/acme")["value"].tolist()) == ([], [NEW["million"]])
    assert verify(store, sources)[1] == []


def test_a_source_that_wants_to_know_who_asks_is_told_by_its_own_variable(thesis, command, store, source_server, monkeypatch):
    edited(thesis, ("    def keys", "    needs_agent = True\n\n    def keys"))
    code, _, errors = command("data", "pull", "AMZN", "--source", "acme")
    assert (code, "BACKTEST_ACME_USER_AGENT is not set; expected a name and a mail address in it" in errors[0]) == (3, True)
    monkeypatch.setenv("BACKTEST_ACME_USER_AGENT", "Me me@example.org")
    assert command("data", "pull", "AMZN", "--source", "acme")[0] == 0
    assert [headers["User-Agent"] for _, _, headers in source_server.requests] == ["Me me@example.org"]


def test_an_answer_about_figures_is_fresh_for_as_long_as_its_source_says(thesis, command, store):
    edited(thesis, ("    def keys", '    fresh_for = pd.Timedelta("0s")\n\n    def keys'))
    for _ in range(2):
        code, out, _ = command("data", "pull", "AMZN", "--source", "acme")
        assert (code, "fresh and not asked: 0" in out) == (0, True)


def test_one_answer_about_several_companies_is_derived_by_the_key_it_was_asked_for(thesis, command, store):
    sources = edited(
        thesis,
        ('return ["AMZN"]', 'return ["all"]'),
        ('{"company": key}', '{"company": "AMZN"}'),
        ("self.figure(key,", "self.figure(entity,"),
        ('["quarters"]\n', '["quarters"]\n            for entity in ("AMZN", "META")\n'),
    )
    assert command("data", "pull", "all", "--source", "acme")[0] == 0
    assert set(store.read("facts/acme")["entity"]) == {"AMZN", "META"}
    assert verify(store, sources)[1] == []
    assert json.loads(command("data", "status", "--json")[1])["figures"]["AMZN purchases_ppe"]["days_since_asked"] is not None


def test_no_source_is_named_outside_its_own_file():
    """But in the record of modules that moved, which has the names of 0.1.0."""
    names = re.compile(rf"\b({'|'.join(load_sources())})\b", re.IGNORECASE)
    files = [path for path in (ROOT / "backtest").rglob("*.py") if path.stem not in {*load_sources(), "moved"}]
    assert len(files) > 100
    assert [path for path in files if names.search(path.read_text(encoding="utf-8"))] == []
