"""A run as JSON: the one place where result.json, and what the commands print of a run and of claims, gets its shape."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd

from backtest.claims.ledger import Finding, Judged, Judgement, ReadingResult
from backtest.files.documents import SCHEMA_VERSION, Json
from backtest.output.split_document import split_document
from backtest.output.tear_document import tear_document
from backtest.result import FIRST_KIND, Book, Control, RunResult, SignalReadings

IN_A_SPAN = ("measured", "holds", "span", "margin", "missing")  # what is given of a reading for each span of its claim


def to_document(result: RunResult) -> Json:
    """Return ids, spec, statistics and readings for JSON; series are in the Parquet files beside it."""
    from backtest.runs.lead_sentence import lead_of  # loads the simulator

    return {
        "schema": SCHEMA_VERSION,
        "strategy": result.spec.name,
        "spec_id": result.spec_id,
        "data_id": result.data_id,
        "code_id": result.code_id,
        "spec": result.spec.as_dict(),
        "lead": lead_of(result),
        "thesis": {"id": result.thesis.id, "title": result.thesis.title, "date": f"{result.thesis.date:%Y-%m-%d}"},
        "prices": asdict(result.prices),
        "windows": [
            {"name": w.name, "start": f"{w.start:%Y-%m-%d}", "end": f"{w.end:%Y-%m-%d}", "sample": w.sample}
            for w in result.windows
        ],
        "books": {name: _book(book) for name, book in result.books.items()},
        "signals": {name: _readings(readings) for name, readings in result.signals.items()},
        "trends": {name: _readings(readings) for name, readings in result.trends.items()},
        "common_spans": {name: asdict(span) for name, span in result.common_spans.items()},
        "when_written": {name: _readings(readings) for name, readings in result.when_written.items()},
        "staleness": {name: asdict(row) | {"read": name in result.signals_read} for name, row in result.staleness.items()},
        "seen": result.seen,
        "known": {day: {claim: asdict(outcome) for claim, outcome in known.items()} for day, known in result.known.items()},
        "claims": claim_rows(result.claims),
        "catalysts": {
            window: {market: asdict(study) for market, study in by_market.items()}
            for window, by_market in result.catalysts.items()
        },
        "surprises": {kind: asdict(study) for kind, study in result.surprises.items()},
        "demand": {when: asdict(known) for when, known in result.demand.items()},
        "notes": list(result.notes),
        "command": result.command,
        "audit": None if result.audit is None else asdict(result.audit),
    }


def claim_rows(findings: Sequence[Finding]) -> list[Json]:
    """Return an object per claim; `readings` are all that were tried, the main one first, `alternatives` those beside it.

    Verdict and figures are over all that is known; `when_written` and `since` are over the two spans that a claim speaks of.
    """
    return [_claim(finding) for finding in findings]


def _claim(finding: Finding) -> Json:
    claim = finding.claim
    readings = _claim_readings(finding)
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "reported": claim.reported,
        "measured": finding.main.value,
        "unit": claim.unit,
        "verdict": finding.verdict,
        "quarter": finding.main.quarter,
        "evidence": finding.evidence,
        "confidence": finding.confidence,
        "future": claim.speaks_of_future,
        "explained": claim.explained,
        "when_written": _judgement(finding.judgement_when_written),
        "since": _judgement(finding.judgement_since),
        "readings": readings,
        "alternatives": readings[1:],
        "inputs": [fact.as_dict() for fact in finding.inputs],
    }


def _judgement(judgement: Judgement | None) -> Json | None:
    return None if judgement is None else asdict(judgement) | {"holds": list(judgement.holds)}


def _claim_readings(finding: Finding) -> list[Json]:
    """Return every reading over all that is known, and what it measured in each span."""
    rows = [_reading(result) for result in finding.readings]
    for name, judged in (("when_written", finding.when_written), ("since", finding.since)):
        spans = _spans(judged) if judged else [None] * len(rows)
        rows = [row | {name: span} for row, span in zip(rows, spans, strict=True)]
    return rows


def _spans(judged: Judged) -> list[Json]:
    """Return what each reading measured in a span."""
    return [{name: value for name, value in _reading(result).items() if name in IN_A_SPAN} for result in judged.readings]


def _reading(reading: ReadingResult) -> Json:
    measured = reading.measurement
    return {
        "reading": reading.name,
        "measured": measured.value,
        "holds": reading.holds,
        "judged": reading.judged,
        "quarter": measured.quarter,
        "span": measured.span,
        "margin": reading.margin,
        "missing": list(measured.missing),
        "details": None if measured.details is None else asdict(measured.details),
    }


def _readings(readings: SignalReadings) -> Json:
    return {quarter: reading.as_dict() for quarter, reading in readings.items()}


def _book(book: Book) -> Json:
    return {
        "title": book.title,
        "members": list(book.members),
        "chosen": f"{book.chosen:%Y-%m-%d}",
        "coverage": asdict(book.coverage),
        "currency": book.currency,
        "cash": asdict(replace(book.cash, rates=())) | {"rates": [row.model_dump(mode="json") for row in book.cash.rates]},
        "periods_per_year": book.periods_per_year,
        "first": f"{book.equity.index[0]:%Y-%m-%d}",
        "last": f"{book.equity.index[-1]:%Y-%m-%d}",
        "path": {f"{month:%Y-%m}": value for month, value in _path(book.equity).items()},
        "windows": {name: asdict(figures) for name, figures in book.windows.items()},
        "declared_benchmark": book.declared,
        "comparisons": [row.model_dump() for row in book.comparisons],
        "benchmarks": {
            ticker: {name: asdict(span) for name, span in spans.items()} for ticker, spans in book.benchmark_windows.items()
        },
        "control": None if book.control is None else _control(book.control),
        "largest_order": asdict(book.largest_order),
        "holdings_now": None if book.holdings_now is None else asdict(book.holdings_now),
        "return_split": {window: split_document(split) for window, split in book.return_split.items()},
        "tear_sheet": None if book.tear_sheet is None else tear_document(book.tear_sheet),
        "orders": _records(book.orders),
        "unfilled": _records(book.unfilled),
        "late": _records(book.late),
        "exits": _records(book.exits),
        "differences": _records(book.differences),
        "costs": {kind: float(book.orders[kind].sum()) for kind in book.orders.columns[FIRST_KIND:]},
        "attribution": {name: table.to_dict("index") for name, table in book.attribution.items()},
    }


def _control(control: Control) -> Json:
    figures = asdict(replace(control, equity={}))
    return {"held" if name == "from_start" else name: value for name, value in figures.items() if name != "equity"}


def _path(equity: pd.Series) -> pd.Series:
    """Return the last value of every month over the first value of the run."""
    path: pd.Series = equity.groupby(pd.DatetimeIndex(equity.index).to_period("M")).last() / equity.iloc[0]
    return path


def _records(table: pd.DataFrame) -> list[Json]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
