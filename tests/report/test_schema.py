"""The published schema describes every result, all of it, and would notice a field that went missing, changed or came up."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

import backtest

SCHEMA = json.loads((Path(backtest.__file__).parent / "output" / "result.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def complaints(document):
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_result_of_every_strategy_fits(documents):
    for document in documents:
        assert complaints(document) == [], document["strategy"]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("data_id",), None),
        (("surprise",), 1),
        (("books", "leaders", "windows", "whole", "total_return"), "high"),
        (("books", "leaders", "orders", 0, "session"), "12/05/2024"),
        (("books", "leaders", "orders", 0, "side"), "hold"),
        (("claims", 0, "verdict"), "true"),
        (("claims", 0, "inputs", 0, "known_at"), 20240501),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_noticed(documents, where, value):
    document = copy.deepcopy(next(one for one in documents if one["strategy"] == "supply_chain_excess"))
    part = document
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    assert complaints(document) != []


def test_every_property_says_what_it_is():
    bare = [
        f"{name}.{field}"
        for name, defined in {"result": SCHEMA, **SCHEMA["$defs"]}.items()
        for field, one in defined.get("properties", {}).items()
        if not ({"description", "$ref", "enum"} & set(one)) and one.get("type") == "number"
    ]
    assert bare == []
