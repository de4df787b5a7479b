"""What is kept with each table of prices, without reading tables that have not been touched since it was last read.

To hash a thousand tables takes most of the time of `data status`. `cache/coverage.json` has what each said when its bytes were
those of its name, with the state that its file had then; a page whose own hash is wrong counts as none.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from backtest.data.store.append_only import PriceCoverage, Store
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import is_sealed, sealed_json


class Entry(TypedDict):
    """What a table said, and the name, size and time (ns) of its file then."""

    state: list[object]
    about: PriceCoverage | None


def price_coverages(store: Store, tables: Sequence[str]) -> dict[str, PriceCoverage | None]:
    """Return what is kept with some tables of prices, None for one that is not there; DataError for one that is damaged."""
    path = store.home / "cache" / "coverage.json"
    before = _load(path)
    entries = dict(before)
    for table in tables:
        state = [*store.state(table)]
        if table not in entries or entries[table]["state"] != state:
            entries[table] = {"state": state, "about": store.price_coverage(table)}
    if entries != before:
        with suppress(DataError):  # of a home that cannot be written
            atomic.write(path, sealed_json({"tables": entries}))
    return {table: entries[table]["about"] for table in tables}


def _load(path: Path) -> dict[str, Entry]:
    try:
        body = path.read_bytes()
        return dict(json.loads(body)["tables"]) if is_sealed(body) else {}
    except (OSError, ValueError):
        return {}
