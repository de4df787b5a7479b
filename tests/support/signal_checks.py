"""What every signal keeps, as checks that raise AssertionError: past only, panel only, inputs cited; and other histories."""

import dataclasses
import sys
from dataclasses import fields, replace

import numpy as np
import pandas as pd

from backtest.facts import Facts
from backtest.panel import Archive, Panel
from backtest.prices import Prices
from backtest.signals import QuarterlySignal, readings

LATEST = pd.Timestamp("2026-09-30", tz="UTC")
NUMBERS = [
    "scale_up_gb_per_s", "scale_out_gbit_per_s", "scale_up_domain", "peak_dense_tflops", "hbm_gb", "hbm_tb_per_s",
]  # fmt: skip


# Other histories


def not_closed(prices, moment):
    """Return session × ticker, True where a session had not closed by a moment."""
    begun_later = prices.wealth.index.tz_localize("UTC") > moment
    closed = {}
    for market, closes in prices.closes.items():
        known = closes.reindex(prices.wealth.index)
        closed[market] = np.where(known.isna(), begun_later, known > moment)
    return np.column_stack([closed[prices.market[ticker]] for ticker in prices.wealth.columns]).astype(bool)


def truncated(archive, moment):
    """Return the archive as it would be had history stopped at a moment."""
    facts, prices = archive.facts, archive.prices
    wealth = prices.wealth.mask(not_closed(prices, moment))
    return replace(
        archive,
        facts=replace(
            facts,
            rows=facts.rows[facts.rows["known_at"] <= moment].reset_index(drop=True),
            accelerators=facts.accelerators[facts.accelerators["known_at"] <= moment],
            events=facts.events[facts.events["known_at"] <= moment],
            ranges=facts.ranges[facts.ranges["known_at"] <= moment],
        ),
        prices=replace(
            prices,
            wealth=wealth.loc[: wealth.last_valid_index()] if wealth.notna().any(axis=None) else wealth.iloc[:0],
            closes={market: closes[closes <= moment] for market, closes in prices.closes.items()},
            rates=prices.rates[prices.rates.index.tz_localize("UTC") <= moment],
        ),
    )


def scrambled(archive, moment, seed=7):
    """Return the archive with everything that became known after a moment replaced by noise, and more announced later."""
    random = np.random.default_rng(seed)
    facts, prices = archive.facts, archive.prices
    rows, chips, ranges = facts.rows.copy(), facts.accelerators.copy(), facts.ranges.copy()
    later = (rows["known_at"] > moment).to_numpy()
    rows.loc[later, "value"] *= np.exp(random.normal(0, 2, later.sum()))
    corrected = rows[~later].assign(known_at=LATEST, published=f"{LATEST:%Y-%m-%d}")
    corrected["value"] *= np.exp(random.normal(0, 2, len(corrected)))
    rows = pd.concat([rows, corrected[corrected["known_at"] > moment]], ignore_index=True)
    coming = (chips["known_at"] > moment).to_numpy()
    chips.loc[coming, NUMBERS] = np.exp(random.normal(5, 2, (coming.sum(), len(NUMBERS))))
    unknown = (ranges["known_at"] > moment).to_numpy()
    ranges.loc[unknown, ["low", "high"]] *= 1.0 + np.exp(random.normal(0, 2, (unknown.sum(), 1)))
    noise = np.exp(random.normal(4, 1, prices.wealth.shape))
    later_rates = (prices.rates.index.tz_localize("UTC") > moment)[:, None]
    return replace(
        archive,
        facts=replace(
            facts, rows=rows.sort_values("known_at", kind="stable", ignore_index=True), accelerators=chips, ranges=ranges
        ),
        prices=replace(
            prices,
            wealth=prices.wealth.mask(not_closed(prices, moment), pd.DataFrame(noise, *prices.wealth.axes)),
            rates=prices.rates * np.where(later_rates, np.exp(random.normal(0, 0.2, prices.rates.shape)), 1.0),
        ),
    )


def altered(panel, **tables):
    """Return a panel with some tables replaced and nothing remembered."""
    kept = {field.name: getattr(panel, field.name) for field in fields(Panel) if not field.name.startswith("_")}
    return Panel(**kept | tables)


def said_by(signal, panel):
    """Return everything a signal says of a panel, as text that tells apart any two floats."""
    scores = signal(panel)
    found = readings(signal, panel) if isinstance(signal, QuarterlySignal) else {}
    return repr(scores.to_dict()), repr(found)


def values_of(signal, panel):
    return {quarter: reading.value for quarter, reading in readings(signal, panel).items()}


def parts_of(signal, panel):
    """Return the further numbers of each reading, as text."""
    return {quarter: repr(reading.parts) for quarter, reading in readings(signal, panel).items()}


# Checks: the past only


def check_unmoved(signal, panel, same_past):
    assert said_by(signal, panel) == said_by(signal, same_past), f"moved by what was known after {panel.moment}"


def check_cites_nothing_later(signal, panel):
    for quarter, reading in readings(signal, panel).items():
        assert reading.inputs, f"{quarter} cites nothing"
        for fact in reading.inputs:
            assert fact.known_at <= panel.moment, f"{quarter} cites {fact.entity} {fact.metric}, known at {fact.known_at}"


# Checks: a value that is computed from a panel and from nothing else


def check_is_a_frozen_value(signal):
    assert dataclasses.is_dataclass(signal), "no dataclass"
    assert type(signal)() == signal, "a field without a default, or a default that differs"
    for field in fields(signal):
        try:
            setattr(signal, field.name, getattr(signal, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} can be set")
    try:
        hash(signal)
    except TypeError as error:
        raise AssertionError(f"cannot be hashed: {error}") from None


def check_returns_numbers(signal, panel):
    scores = signal(panel)
    assert isinstance(scores, pd.Series), f"returned {type(scores).__name__}"
    assert scores.dtype == np.dtype(float), f"returned {scores.dtype}"
    assert scores.index.is_unique, "one index twice"
    assert len(scores), "no score"
    assert not np.isinf(scores).any(), "an infinite score"


def check_has_no_opinion_without_knowledge(signal, panel):
    assert signal(panel).isna().all(), "an opinion on an empty panel"
    if isinstance(signal, QuarterlySignal):
        assert readings(signal, panel) == {}, "a reading of an empty panel"


def check_leaves_the_panel_as_it_was(signal, panel):
    kept = {name: getattr(panel, name).copy() for name in ("rows", "accelerators", "prices")}
    moment, first = panel.moment, said_by(signal, panel)
    assert said_by(signal, panel) == first, "another answer the second time"
    assert said_by(signal, altered(panel)) == first, "another answer from the same panel, opened again"
    for name, table in kept.items():
        pd.testing.assert_frame_equal(getattr(panel, name), table)
    assert panel.moment is moment


def check_holds_no_history(signal):
    """Follow what a signal can reach without being given it: fields, class attributes, globals of its module."""
    module = vars(sys.modules[type(signal).__module__])
    reached = [
        *(getattr(signal, field.name) for field in fields(signal)),
        *vars(type(signal)).values(),
        *getattr(signal, "__dict__", {}).values(),
        *(module.values() if module["__name__"].startswith("backtest.") else []),
    ]
    for value in reached:
        assert not isinstance(value, Archive | Facts | Prices | Panel | pd.DataFrame), f"holds {type(value).__name__}"


# Checks: a reading is computed from its inputs


def check_inputs_are_figures_of_the_panel(signal, panel):
    rows = panel.rows.set_index(["entity", "metric", "period"])["value"]
    chips = panel.accelerators.set_index("chip")
    middles = panel.ranges.groupby(["subject", "metric"])[["low", "high"]].last().mean(axis=1)
    for quarter, reading in readings(signal, panel).items():
        for fact in reading.inputs:
            key = (fact.entity, fact.metric, fact.period)
            if key in rows.index:
                held = rows[key]
            elif key[:2] in middles.index:
                held = middles[key[:2]]
            else:
                held = chips[fact.metric].get(fact.entity)
            assert held == fact.value, f"{quarter} cites {key} as {fact.value}, the panel has {held}"


def check_known_when_the_last_input_was(signal, panel):
    for quarter, reading in readings(signal, panel).items():
        last = max(fact.known_at for fact in reading.inputs)
        assert reading.known_at in {fact.published for fact in reading.inputs if fact.known_at == last}, quarter


def cited_by(signal, panel):
    """Return the figures behind all readings of a signal, and the chips among them."""
    facts = {fact for reading in readings(signal, panel).values() for fact in reading.inputs}
    return {(fact.entity, fact.metric, fact.period) for fact in facts}, {fact.entity for fact in facts}


def without_the_uncited(signal, panel):
    """Return the panel with every value that no reading cites multiplied by some factor."""
    figures, chips = cited_by(signal, panel)
    random = np.random.default_rng(11)
    rows, accelerators = panel.rows.copy(), panel.accelerators.copy()
    keys = zip(rows["entity"], rows["metric"], rows["period"], strict=True)
    uncited = np.array([key not in figures for key in keys])
    rows.loc[uncited, "value"] *= np.exp(random.normal(0, 1, uncited.sum()))
    others = ~accelerators["chip"].isin(chips)
    accelerators.loc[others, NUMBERS] *= np.exp(random.normal(0, 1, (others.sum(), len(NUMBERS))))
    ranges = panel.ranges.copy()
    named = [*zip(ranges["subject"], ranges["metric"], strict=True)]
    cited = {(entity, metric) for entity, metric, _ in figures}
    others = np.array([name not in cited for name in named], dtype=bool)
    ranges.loc[others, ["low", "high"]] *= np.exp(random.normal(0, 1, (others.sum(), 1)))
    return altered(panel, rows=rows, accelerators=accelerators, ranges=ranges)


def check_unmoved_by_what_is_not_cited(signal, panel):
    assert values_of(signal, without_the_uncited(signal, panel)) == values_of(signal, panel), "moved by a figure not cited"


def check_parts_unmoved_by_what_is_not_cited(signal, panel):
    assert parts_of(signal, without_the_uncited(signal, panel)) == parts_of(signal, panel), "a part moved by a figure not cited"


def check_moved_by_what_is_cited(signal, panel):
    """Ten figures, drawn from those cited: each moves some number of a reading when a thousand times larger or smaller."""
    figures, _ = cited_by(signal, panel)
    before = values_of(signal, panel), parts_of(signal, panel)
    drawn = np.random.default_rng(13).permutation(sorted(figures))[:10]
    for entity, metric, period in drawn:
        changed = []
        for factor in (1000.0, 0.001):
            rows, chips, ranges = panel.rows.copy(), panel.accelerators.copy(), panel.ranges.copy()
            match = (rows["entity"] == entity) & (rows["metric"] == metric) & (rows["period"] == period)
            rows.loc[match, "value"] *= factor
            within = (ranges["subject"] == entity) & (ranges["metric"] == metric)
            ranges.loc[within, ["low", "high"]] *= factor
            if not match.any() and not within.any():
                chips.loc[chips["chip"] == entity, metric] *= factor
            other = altered(panel, rows=rows, accelerators=chips, ranges=ranges)
            changed.append((values_of(signal, other), parts_of(signal, other)) != before)
        assert any(changed), f"cites {entity} {metric} {period}, which moves nothing"
