"""Tables that are taken without asking pandera: never one that pandera would refuse."""

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest

from backtest.data import tables
from backtest.data.sources import reference
from backtest.data.sources.reference import FOLDER
from backtest.data.tables import _plainly_keeps

PARSED = {
    "figures": (tables.FACT_SCHEMA, tables.parse_facts, "capex.csv"),
    "ranges": (tables.RANGE_SCHEMA, tables.parse_ranges, "interconnect_bom.csv"),
    "accelerators": (tables.ACCELERATOR_SCHEMA, tables.parse_accelerators, "accelerators.csv"),
    "events": (tables.EVENT_SCHEMA, tables.parse_events, "events.csv"),
}
CASES = [(kind, name) for kind, (schema, _, _) in PARSED.items() for name in schema.columns]
WRONG = ["", "x", "X", "a b", "a\nb", "GPU ", "high\n", "%", "USD", None]
NUMBERS = [0.0, -0.0, -1.0, 1e-300, 1e9, 1e9 + 1, np.inf, -np.inf, np.nan]


def typed(kind):
    _, parse, file = PARSED[kind]
    return parse(tables.read_table(FOLDER / file), file).copy()


def passes(schema, table):
    try:
        schema.validate(table, lazy=True)
    except pandera.errors.SchemaErrors:
        return False
    return True


@pytest.mark.parametrize("kind", PARSED)
def test_every_table_that_is_carried_is_taken_at_once(kind):
    assert _plainly_keeps(PARSED[kind][0], typed(kind))


@pytest.mark.parametrize(("kind", "column"), CASES)
def test_a_value_is_taken_at_once_only_where_pandera_takes_it(kind, column):
    schema, table = PARSED[kind][0], typed(kind)
    dtype = table[column].dtype
    values = WRONG if isinstance(dtype, pd.StringDtype) else NUMBERS if dtype.kind == "f" else [pd.NaT]
    outcomes = []
    for value in values:
        changed = table.copy()
        changed.loc[changed.index[1], column] = value
        outcomes.append((value, _plainly_keeps(schema, changed), passes(schema, changed)))
    assert [each for each in outcomes if each[1] != each[2]] == []


@pytest.mark.parametrize("kind", PARSED)
def test_a_table_without_a_column_or_with_one_of_another_kind_is_left_to_pandera(kind):
    schema, table = PARSED[kind][0], typed(kind)
    for name in schema.columns:
        assert not _plainly_keeps(schema, table.drop(columns=name))
        assert not _plainly_keeps(schema, table.assign(**{name: 1}))


def test_a_check_that_is_not_known_here_is_left_to_pandera():
    table = pd.DataFrame({"a": [1.0, 2.0]})
    for check in (pandera.Check.gt(5), pandera.Check.in_range(0, 5), pandera.Check(lambda values: values > 5)):
        assert not _plainly_keeps(pandera.DataFrameSchema({"a": pandera.Column(float, check)}), table)
    assert not _plainly_keeps(pandera.DataFrameSchema({"a": pandera.Column(float)}, strict=True), table)
    assert not _plainly_keeps(pandera.DataFrameSchema({"a": pandera.Column(float, unique=True)}), table)


def test_the_embedded_figures_are_taken_at_once(monkeypatch):
    monkeypatch.setattr(pandera.DataFrameSchema, "validate", None)
    reference._typed.cache_clear()
    assert len(reference.facts_with(b"").rows) > 1000
