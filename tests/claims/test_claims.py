"""The ledger against answers worked by hand, its JSON, and what each figure may and must depend on."""

import csv
import json
import math
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.claims.ledger import Claim, judged, ledger, load_claims
from backtest.errors import ConfigurationError
from backtest.panel import Archive
from backtest.signals import QuarterlySignal, load_signals, readings
from backtest.thesis import load_thesis

ROOT = Path(__file__).parents[2]
DAYS = ("2025-07-23", "2026-06-30")
ROWS = list(csv.DictReader((ROOT / "tests" / "answers" / "claims.csv").read_text(encoding="utf-8").splitlines()))
CLAIMS = load_claims(load_thesis())
ON_FIGURES = [claim.id for claim in CLAIMS if not {"basket", "ticker", "lacks"} & {*claim.readings[0]}]  # not on prices
each_row = pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']}: {row['reading']} as of {row['as_of']}" for row in ROWS])


def end_of(day):
    return pd.Timestamp(f"{day}T23:59:59Z")


@pytest.fixture(scope="module")
def findings(archive):
    return {day: {finding.claim.id: finding for finding in ledger(archive.as_of(end_of(day)))} for day in DAYS}


@pytest.fixture(scope="module")
def found(findings):
    """Return the measurement of a worked row and whether it holds."""

    def one(row):
        finding = findings[row["as_of"]][row["id"]]
        names = [reading["name"] for reading in finding.claim.readings]
        position = names.index(row["reading"])
        return finding.measured[position], finding.outcomes[position]

    return one


# --- answers ---------------------------------------------------------------------------------------------------------


def test_every_claim_and_every_reading_is_worked_by_hand_on_both_days():
    for day in DAYS:
        worked = [(row["id"], row["reading"]) for row in ROWS if row["as_of"] == day]
        assert worked == [(claim.id, reading["name"]) for claim in load_claims(load_thesis()) for reading in claim.readings]


def test_every_answer_follows_from_its_working():
    for row in ROWS:
        assert bool(row["working"]) == bool(row["measured"])
        if row["working"]:
            again = eval(row["working"], {"__builtins__": {}, "ln": math.log})
            assert again == pytest.approx(float(row["measured"]), rel=1e-12, abs=1e-14), row


@each_row
def test_a_reading_measures_what_was_worked_by_hand(found, row):
    measurement, _ = found(row)
    wanted = pytest.approx(float(row["measured"]), rel=1e-9, abs=1e-15) if row["measured"] else None
    assert measurement.value == wanted


@each_row
def test_a_reading_holds_or_fails_as_worked_by_hand(found, row):
    assert found(row)[1] is {"True": True, "False": False, "": None}[row["holds"]]


@each_row
def test_a_reading_names_the_quarter_it_stands_on_and_what_is_missing(found, row):
    measurement, _ = found(row)
    assert (measurement.quarter or "") == row["quarter"]
    assert row["missing"] in "; ".join(measurement.missing)
    assert bool(measurement.missing) == (measurement.value is None)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["inputs"]], ids=lambda row: f"{row['id']}: {row['reading']} as of {row['as_of']}"
)
def test_a_reading_cites_exactly_the_figures_it_rests_on_and_so_its_evidence(found, row):
    cited = set(found(row)[0].inputs)
    assert len(cited) == int(row["inputs"])
    assert max((fact.evidence for fact in cited), key=("reported", "derived").index, default="") == row["evidence"]
    assert max((fact.confidence for fact in cited), key=("high", "medium", "low").index, default="") == row["confidence"]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("claim", [claim.id for claim in load_claims(load_thesis())])
def test_a_verdict_is_the_one_derived_by_hand_from_every_testable_reading(findings, day, claim):
    worked = {row["verdict"] for row in ROWS if (row["as_of"], row["id"]) == (day, claim)}
    assert {findings[day][claim].verdict} == worked


def test_one_set_of_four_worked_in_full_is_among_the_sets(findings):
    leaders = (6674.18 + 4052.26 + 944.63 + 4312.34) / (4842.55 + 1112.85 + 731.67 + 2391.57)  # 300308 300502 300394 300476
    clouds = (25019 + 17197 + 16745 + 12941) / (14925 + 12012 + 10952 + 6400)  # 2025Q1 over 2024Q1, its worst quarter
    main = findings["2026-06-30"]["excess-growth"].main
    assert min(abs(excess - (leaders - clouds)) for excess in main.details.worst_quarter_excess) < 1e-12
    assert main.details.sets == 11 * 10 * 9 * 8 // 24
    assert main.details.share_of_set_quarters == pytest.approx(971 / 2970, rel=1e-12)


@pytest.mark.parametrize(("day", "chips", "interconnect"), [("2025-07-23", 4 / 4, 0 / 4), ("2026-06-30", 4 / 8, 4 / 8)])
def test_half_of_a_sentence_joined_by_and_does_not_confirm_it(findings, day, chips, interconnect):
    finding = findings[day]["multiplier"]
    assert finding.main.details.share_by_part == {"chips_over_capex": chips, "interconnect_over_chips": interconnect}
    assert finding.verdict == "contradicted"


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ("within", 5.0, True), ("within", 5.5, False), ("at least", 5.0, True), ("at least", 4.999, False),
        ("all", 1.0, True), ("all", 0.999, False), ("positive", 0.001, True), ("positive", 0.0, False),
    ],
)  # fmt: skip
def test_a_claim_without_a_tolerance_holds_at_its_figure_and_at_no_other(test, value, holds):
    readings = load_claims(load_thesis())[0].readings
    claim = Claim(id="made-up", sentence="It is five.", reported=5.0, unit="five", test=test, readings=readings, source="made up")
    assert claim.holds(value) is holds


def test_a_finding_is_led_by_its_first_reading(findings):
    finding = findings["2026-06-30"]["architecture"]
    assert len(finding.measured) == 3
    assert finding.main is finding.measured[0]


# --- the document ----------------------------------------------------------------------------------------------------


def printed(*arguments):
    done = subprocess.run([sys.executable, "-m", "backtest", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.process
def test_claims_print_a_list_of_findings_as_json():
    document = printed("claims", "--as-of", "2025-07-23", "--json")
    assert [row["id"] for row in document] == [claim.id for claim in load_claims(load_thesis())]
    worked = {row["id"]: row["verdict"] for row in ROWS if row["as_of"] == "2025-07-23"}
    for row in document:
        assert {"id", "reported", "measured", "verdict", "quarter", "evidence", "alternatives"} <= set(row)
        assert row["verdict"] == worked[row["id"]]
        assert row["evidence"] in ("reported", "derived", "estimated", "none")
        assert {"reading", "measured", "holds", "quarter", "missing"} <= set(row["readings"][0])
        assert row["alternatives"] == row["readings"][1:]
        for other in row["readings"]:
            assert (other["measured"] is None) == (other["holds"] is None) == bool(other["missing"])


@pytest.mark.process
def test_signals_print_every_signal_as_json():
    document = printed("signals", "--as-of", "2026-06-30", "--json")
    files = {path.stem for path in (ROOT / "backtest" / "signals").glob("[!_]*.py")}
    assert set(document["signals"]) == files
    assert all({"score", "quarters"} == set(signal) for signal in document["signals"].values())


@pytest.mark.parametrize("day", ["2015-01-01", "2022-03-05"])
def test_before_the_first_figure_was_published_no_claim_is_testable(archive, day):
    verdicts = {finding.verdict for finding in ledger(archive.as_of(end_of(day)))}
    assert verdicts == {"not testable"}


# --- what a figure depends on ----------------------------------------------------------------------------------------


def key_of(fact):
    return fact.entity, fact.metric, fact.period, fact.published


OF_REVENUE = {"demand_growth"}  # a score per ticker, of its own revenue


def figures(archive, moment):
    """Return every reading of a claim in each span and every quarter of a signal: what it shows, bit by bit, and its rows."""
    panel = archive.as_of(moment)
    shown = {}
    for finding in judged(archive, moment):
        spans = {"known": finding, "when written": finding.when_written, "since": finding.since}
        measured = {(span, n): one for span, found in spans.items() if found for n, one in enumerate(found.measured)}
        for (span, position), one in measured.items():
            content = repr((one.value, one.first, one.quarter, one.margin, one.missing, one.details))
            shown[finding.claim.id, span, position] = content, {key_of(fact) for fact in one.inputs}
    for name, signal in load_signals(load_thesis()).items():
        if isinstance(signal, QuarterlySignal):
            for quarter, one in readings(signal, panel).items():
                shown[name, quarter] = repr((one.value, one.parts)), {key_of(fact) for fact in one.inputs}
        elif name in OF_REVENUE:
            for ticker, score in signal(panel).items():
                shown[name, ticker] = repr(score), {key_of(fact) for fact in panel.published("revenue") if fact.entity == ticker}
        else:
            shown[name, "score"] = repr(signal(panel).to_dict()), set()
    return shown


@pytest.fixture(scope="module")
def base(archive):
    return figures(archive, end_of("2026-06-30"))


def moved(before, now):
    """Return the figures that show something else; scores of themes and tickers cite nothing."""
    shown = before.keys() & now.keys()
    gone = before.keys() ^ now.keys()
    return (gone | {name for name in shown if before[name][0] != now[name][0]}) - {
        ("theme_trends", "score"),
        ("theme_pace", "score"),
        ("demand_growth", "score"),
    }


def with_rows(archive, rows):
    return Archive(replace(archive.facts, rows=rows.reset_index(drop=True)), archive.prices)


def with_chips(archive, chips):
    return Archive(replace(archive.facts, accelerators=chips), archive.prices)


def altered(archive, position):
    rows = archive.facts.rows.copy()
    rows.loc[position, "value"] *= 1.37
    return with_rows(archive, rows)


def removed(archive, position):
    return with_rows(archive, archive.facts.rows.drop(index=position))


def sampled(archive, base):
    """Return the positions of 20 rows of any kind, 20 that some figure cites, every row behind one claim, some of shipments."""
    rows = archive.facts.rows
    keys = list(zip(rows["entity"], rows["metric"], rows["period"], rows["published"], strict=True))
    cited = set().union(*(inputs for _, inputs in base.values()))
    claim = set().union(*(inputs for (name, *_), (_, inputs) in base.items() if name == "ratio-end"))
    chance = random.Random(20250723)
    some = chance.sample(range(len(keys)), 20) + chance.sample([n for n, key in enumerate(keys) if key in cited], 20)
    new = [n for n, key in enumerate(keys) if key in cited and key[1] in ("units_shipped", "ai_networking_share")]
    return sorted({*some, *chance.sample(new, 8), *(n for n, key in enumerate(keys) if key in claim)}), keys


@pytest.fixture(scope="module")
def changed(archive):
    """Return a function that gives every figure after one row was altered or removed, worked out once."""
    return lru_cache(maxsize=None)(lambda change, position: figures(change(archive, position), end_of("2026-06-30")))


@pytest.mark.slow
@pytest.mark.parametrize("change", [altered, removed], ids=["altered", "removed"])
def test_a_row_moves_only_the_figures_that_cite_it(archive, base, changed, change):
    positions, keys = sampled(archive, base)
    assert len(positions) >= 50
    for position in positions:
        now = changed(change, position)
        assert [name for name in moved(base, now) if keys[position] not in base[name][1]] == [], keys[position]


# Figures that may cite a row and not move when it does: shares of quarters and of sets (only which side of a threshold a
# quarter lies on counts; a set's worst quarter may be another), the median over scopes, and readings that miss something.
BLUNT = {"capex-rising", "nvda-quarterly", "excess-growth", "token-anchor", "token_anchor", "multiplier", *OF_REVENUE}


@pytest.mark.slow
def test_a_row_with_another_value_moves_some_figure_that_cites_it(archive, base, changed):
    positions, keys = sampled(archive, base)
    for position in positions:
        citing = [name for name in base if keys[position] in base[name][1]]
        if not [name for name in citing if name[0] not in BLUNT]:
            continue
        assert moved(base, changed(altered, position)) & set(citing), keys[position]


@pytest.mark.slow
def test_a_chip_moves_only_the_figures_that_cite_it(archive, base):
    chips = archive.facts.accelerators
    for position, chip in chips["chip"].items():
        changed = chips.copy()
        changed.loc[position, ["scale_up_gb_per_s", "scale_out_gbit_per_s", "scale_up_domain"]] *= 1.37
        now = figures(with_chips(archive, changed), end_of("2026-06-30"))
        assert [name for name in moved(base, now) if chip not in {entity for entity, *_ in base[name][1]}] == [], chip


@pytest.mark.slow
def test_a_range_moves_only_the_figures_that_cite_it(archive, base):
    ranges = archive.facts.ranges
    optics = ranges[ranges["item"].eq("optics")]
    cited = {entity for _, keys in base.values() for entity, *_ in keys} & {*optics["subject"]}
    assert len(cited) == 3
    for position, row in pd.concat([optics[optics["subject"].isin(cited)], optics.head(3)]).iterrows():
        now = figures(with_ranges(archive, ranges.drop(index=position)), end_of("2026-06-30"))
        citing = {name for name, (_, keys) in base.items() if row["subject"] in {entity for entity, *_ in keys}}
        assert moved(base, now) <= citing
        assert bool(moved(base, now)) == bool(citing)


def with_ranges(archive, ranges):
    return Archive(replace(archive.facts, ranges=ranges), archive.prices)


@pytest.mark.parametrize("claim", ON_FIGURES)
def test_a_claim_without_the_series_it_cites_is_not_testable_and_names_what_is_missing(archive, claim):
    moment = end_of("2026-06-30")
    inputs = {
        key_of(fact)[:2] for finding in ledger(archive.as_of(moment)) if finding.claim.id == claim for fact in finding.inputs
    }
    rows = archive.facts.rows
    series = zip(rows["entity"], rows["metric"], strict=True)
    kept = with_chips(with_rows(archive, rows[[one not in inputs for one in series]]), archive.facts.accelerators.iloc[:0])
    finding = next(one for one in ledger(kept.as_of(moment)) if one.claim.id == claim)
    assert finding.verdict == "not testable"
    assert set(finding.outcomes) == {None}
    assert all(one.missing and all(one.missing) for one in finding.measured)


def test_a_domain_nobody_published_is_missing_and_not_a_failure(archive):
    without = with_chips(archive, archive.facts.accelerators.iloc[:0]).as_of(end_of("2026-06-30"))
    finding = next(one for one in ledger(without) if one.claim.id == "architecture")
    assert finding.outcomes == (True, True, None)


def without_row(archive, entity, metric, period):
    rows = archive.facts.rows
    found = (rows["entity"] == entity) & (rows["metric"] == metric) & (rows["period"] == period)
    assert found.sum() == 1
    return with_rows(archive, rows[~found])


def finding_without(archive, claim, *row):
    panel = without_row(archive, *row).as_of(end_of("2026-06-30"))
    return next(one for one in ledger(panel) if one.claim.id == claim)


def test_a_sum_with_one_quarter_unknown_cannot_be_measured_and_names_that_quarter(archive):
    finding = finding_without(archive, "capex-rising", "META", "purchases_ppe", "FY2024Q3")
    assert finding.main.value is None
    assert "META purchases_ppe 2024Q3" in finding.main.missing


def test_what_is_missing_names_no_quarter_that_is_known(archive):
    finding = finding_without(archive, "capex-rising", "META", "purchases_ppe", "FY2024Q3")
    assert finding.main.missing == ("META purchases_ppe 2024Q3",)


def test_what_is_missing_names_the_quarter_looked_for_and_not_the_reading_s(archive):
    finding = finding_without(archive, "ratio-end", "META", "purchases_ppe", "FY2024Q3")
    names = [reading["name"] for reading in finding.claim.readings]
    lagged = finding.measured[names.index("disclosed share, previous quarter's cash CapEx")]
    assert lagged.missing == ("META purchases_ppe for 2024Q3",)


# --- hindsight -------------------------------------------------------------------------------------------------------


def without_future(archive, moment):
    facts, prices = archive.facts, archive.prices
    rows, chips = facts.rows, facts.accelerators
    facts = replace(facts, rows=rows[rows["known_at"] <= moment], accelerators=chips[chips["known_at"] <= moment])
    wealth = prices.wealth.mask(not_closed(prices, moment)).dropna(how="all")
    closes = {market: sessions[sessions <= moment] for market, sessions in prices.closes.items()}
    return Archive(facts, replace(prices, wealth=wealth, closes=closes))


def with_scrambled_future(archive, moment, chance):
    facts, prices = archive.facts, archive.prices
    rows, chips = facts.rows.copy(), facts.accelerators.copy()
    later = rows["known_at"] > moment
    rows.loc[later, "value"] = chance.permutation(rows.loc[later, "value"].tolist()) * chance.lognormal(0, 3, later.sum())
    rows.loc[later, "evidence"] = "guidance"
    later = chips["known_at"] > moment
    chips.loc[later, ["scale_up_gb_per_s", "scale_out_gbit_per_s", "scale_up_domain"]] = 1e6
    chips.loc[later, ["flagship", "first_shipped"]] = ["yes", "2022Q1"]
    noise = chance.lognormal(0, 3, prices.wealth.shape)
    wealth = prices.wealth.where(~not_closed(prices, moment), prices.wealth * noise)
    return Archive(replace(facts, rows=rows, accelerators=chips), replace(prices, wealth=wealth))


def not_closed(prices, moment):
    """Return session × ticker: whether a price had not yet been made at a moment."""
    open_still = {
        market: (closes > moment).reindex(prices.wealth.index, fill_value=True) for market, closes in prices.closes.items()
    }
    return pd.DataFrame({ticker: open_still[prices.market[ticker]] for ticker in prices.wealth.columns})


@pytest.mark.slow
def test_no_claim_or_signal_moves_when_the_future_is_deleted_or_scrambled_on_fifty_dates(archive):
    chance = np.random.default_rng(2026)
    first, last = pd.Timestamp("2022-04-01T00:00Z"), pd.Timestamp("2026-11-30T00:00Z")
    for minutes in sorted(chance.integers(0, int((last - first).total_seconds() // 60), 50).tolist()):
        moment = first + pd.Timedelta(minutes=minutes)
        known = figures(archive, moment)
        assert figures(without_future(archive, moment), moment) == known, moment
        assert figures(with_scrambled_future(archive, moment, chance), moment) == known, moment


def test_no_figure_cites_a_row_published_after_it(archive):
    for moment in pd.date_range("2022-04-15", "2026-11-15", freq="92D", tz="UTC"):
        panel = archive.as_of(moment)
        cited = [fact for finding in ledger(panel) for fact in finding.inputs]
        for signal in load_signals(load_thesis()).values():
            if isinstance(signal, QuarterlySignal):
                cited += [fact for one in readings(signal, panel).values() for fact in one.inputs]
        assert all(fact.known_at <= moment for fact in cited)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.fixture
def spoilt(tmp_path):
    """Return a function that loads the claims of a copied folder after one replacement in claims.toml."""

    def load(old, new):
        folder = shutil.copytree(load_thesis().folder, tmp_path / "thesis")
        text = (folder / "claims.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "claims.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_claims(load_thesis(folder))

    return load


def test_a_copied_folder_holds_the_same_claims(spoilt):
    assert spoilt("[[claim]]", "[[claim]]") == load_claims(load_thesis())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('measure = "rising"', 'measure = "risng"', r"claims\.toml row 4: .*no measure 'risng'; did you mean 'rising'\?"),
        ("reported = 0.30\n", "", r"claims\.toml row 2: .*claim 'ratio-end' is tested within a figure; expected `reported`"),
        (
            "reported = 120.0\n",
            "",
            r"claims\.toml row 7: .*claim 'tokens-doubao' is tested at least a figure; expected `reported`",
        ),
        ('unit = "times in a year"', 'unit = "times"\nweight = 2', r"claims\.toml row 6: weight is 2"),
        ('test = "positive"', 'test = "negative"', r"claims\.toml row 3: test is 'negative'"),
        ("tolerance = 0.005", "tolerance = -0.005", r"claims\.toml row 1: tolerance is -0\.005"),
        ('id = "minerva"', 'id = "Minerva rack"', r"claims\.toml row 9: id is 'Minerva rack'"),
        (
            'sentence = "NVIDIA\'s revenue and net profit grow every quarter from 23Q1."\n',
            "",
            r"claims\.toml row 5: sentence; expected one, none is given",
        ),
    ],
)
def test_a_bad_claim_is_refused_by_file_row_and_field(spoilt, old, new, words):
    with pytest.raises(ConfigurationError, match=words):
        spoilt(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('measure = "ratio", quarter = "2023Q1" }', 'measure = "ratio", quater = "2023Q1" }'),
        ('share = "next" }', 'share = "nxt" }'),
        ('capex = "all_clouds_headline"', 'capex = "headlines"'),
        ('signal = "asic_share", since', 'signal = "asic_shares", since'),
        ('series = "chip_vendor_revenue"', 'series = "chip_vendor_revenu"'),
        ('since = "2024Q1", growth', 'since = "24Q1", growth'),
        ('name = "one direction", ', ""),
        ('id = "ratio-end"', 'id = "ratio-start"'),
    ],
)
def test_a_slip_in_a_reading_is_refused_when_the_claims_are_loaded(spoilt, old, new):
    with pytest.raises(ConfigurationError):
        spoilt(old, new)


def test_a_refusal_is_short_enough_to_read(spoilt):
    with pytest.raises(ConfigurationError) as error:
        spoilt("reported = 0.30\n", "")
    assert len(str(error.value)) < 200


@pytest.mark.process
def test_an_environment_without_a_home_or_network_does_not_matter():
    done = subprocess.run(
        [sys.executable, "-m", "backtest", "claims", "--as-of", "2025-07-23", "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, len(json.loads(done.stdout))) == (0, len(load_claims(load_thesis())))
