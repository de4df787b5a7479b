"""The commands that show what was known on a day: signals, and the claims of the thesis."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from backtest.cli.inputs import load_archive, thesis_of
from backtest.cli.options import AsOfOption, FactsOption, JsonOption, PricesOption, ThesisOption

if TYPE_CHECKING:
    import pandas as pd


def signals(
    as_of: AsOfOption = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each signal: its score, its quarters, and when each became known."""
    from backtest.analysis.staleness import sentence, staleness
    from backtest.files.documents import to_json
    from backtest.output.signal_lines import signal_lines
    from backtest.signals import QuarterlySignal, describe, load_signals
    from backtest.text.screen import screen_of

    chosen, moment = thesis_of(thesis), _moment(as_of)
    archive = load_archive([row.ticker for row in chosen.universe.suppliers], prices, facts, chosen, needed=())
    panel = archive.as_of(moment)
    every = load_signals(chosen)
    described = {name: describe(signal, panel) for name, signal in every.items()}
    read = {name: staleness(signal, panel) for name, signal in every.items() if isinstance(signal, QuarterlySignal)}
    stale = {name: row for name, row in read.items() if row is not None}
    known = as_of or f"{moment:%Y-%m-%dT%H:%MZ}"
    if as_json:
        staled = {name: asdict(row) for name, row in stale.items()}
        sys.stdout.write(to_json({"as_of": known, "signals": described, "staleness": staled}))
        return
    held_back = {name: sentence(name, row) for name, row in stale.items()}
    sys.stdout.write(signal_lines(described, held_back, known, screen_of()))


def claims(
    as_of: AsOfOption = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare each of the thesis's claims with our figure: verdict when written and since, and evidence."""
    from backtest.api.claims import check_claims
    from backtest.files.documents import to_json
    from backtest.output.claim_lines import claim_lines
    from backtest.output.document import claim_rows
    from backtest.text.screen import screen_of

    chosen, moment = thesis_of(thesis), _moment(as_of)
    archive = load_archive(list(chosen.universe.market_and_currency()), prices, facts, chosen, needed=())
    rows = claim_rows(check_claims(archive, moment).findings)
    sys.stdout.write(to_json(rows) if as_json else claim_lines(rows, as_of or f"{moment:%Y-%m-%d}", screen_of()))


def _moment(as_of: str | None) -> "pd.Timestamp":
    import pandas as pd

    from backtest.calendars import as_of_moment

    return as_of_moment(as_of) if as_of is not None else pd.Timestamp.now(tz="UTC")
