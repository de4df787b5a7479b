"""The result.json of a sweep, written and read back."""

import json
from dataclasses import asdict, fields
from typing import Any, TypeVar

from backtest.errors import DataError
from backtest.files.documents import SCHEMA_VERSION, Json
from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.grid import stated
from backtest.sweeps.results import (
    BestSetting,
    Compared,
    MinimumLength,
    SearchStatistics,
    Span,
    SweepSummary,
    TwinStatistics,
    WindowFigures,
)

Statistic = TypeVar("Statistic", Deflated, Overfit, Superior)


def sweep_document(summary: SweepSummary) -> Json:
    """Return a sweep for JSON; the three probabilities stand at the top too, null where they are refused."""
    statistics = summary.statistics
    span = asdict(statistics.spa_span) if statistics.spa_span else {}
    by_name = {
        "deflated_sharpe": asdict(statistics.deflated_sharpe),
        "deflated_sharpe_curves": asdict(statistics.deflated_sharpe_curves),
        "pbo": asdict(statistics.pbo),
        "spa": asdict(statistics.spa) | span,
        "minimum_length": asdict(statistics.minimum_length),
        "twins": asdict(statistics.twins),
    }
    twins = by_name["twins"]
    return {
        "schema": SCHEMA_VERSION,
        "strategy": summary.strategy,
        "settings": summary.settings,
        "curves": statistics.curves,
        "best": asdict(summary.best) | {"setting": json.loads(stated(summary.best.setting))},
        "compared": [asdict(row) for row in summary.compared],
        "deflated_sharpe": by_name["deflated_sharpe"].get("probability"),
        "pbo": by_name["pbo"].get("probability"),
        "spa_p": by_name["spa"].get("consistent"),
        "spa_p_against_twins": twins.get("spa", {}).get("consistent"),
        "beating_twin": twins.get("beating"),
        "trials": summary.trials,
        "trials_on_any_data": summary.trials_on_any_data,
        "statistics": by_name,
        "identities": dict(summary.identities),
        "command": summary.command,
        "expectations": [asdict(outcome) for outcome in summary.expectations],
        "notes": list(summary.notes),
    }


def read_summary(document: Json) -> SweepSummary:
    """Return the summary of a sweep's result.json; DataError for one of another version, KeyError for a part that is missing."""
    if document.get("schema") != SCHEMA_VERSION:
        raise DataError(f"a sweep of schema {document.get('schema', 1)}; expected schema {SCHEMA_VERSION}: run the sweep again")
    best, statistics = document["best"], document["statistics"]
    spa = statistics["spa"]
    windows = _windows(best["windows"])
    return SweepSummary(
        strategy=document["strategy"],
        settings=document["settings"],
        best=BestSetting(**{**{field.name: best[field.name] for field in fields(BestSetting)}, "windows": windows}),
        statistics=SearchStatistics(
            deflated_sharpe=_statistic(Deflated, statistics["deflated_sharpe"]),
            pbo=_statistic(Overfit, statistics["pbo"]),
            spa=_statistic(Superior, spa),
            spa_span=Span(spa["first"], spa["last"]) if "first" in spa else None,
            minimum_length=MinimumLength(statistics["minimum_length"]["years"], statistics["minimum_length"]["had"]),
            deflated_sharpe_curves=_statistic(Deflated, statistics["deflated_sharpe_curves"]),
            curves=document["curves"],
            twins=_twins(statistics["twins"]),
        ),
        trials=document["trials"],
        trials_on_any_data=document["trials_on_any_data"],
        identities=document["identities"],
        command=document["command"],
        expectations=tuple(Outcome(**row | {"value": _number(row["value"])}) for row in document["expectations"]),
        notes=tuple(document.get("notes", ())),
        compared=tuple(Compared(row["name"], _windows(row["windows"]), row["id"]) for row in document.get("compared", ())),
    )


def _windows(rows: Json) -> dict[str, WindowFigures]:
    names = [field.name for field in fields(WindowFigures)]
    return {window: WindowFigures(**{name: _number(row[name]) for name in names}) for window, row in rows.items()}


def _twins(row: Json) -> TwinStatistics | Refused:
    if "reason" in row:
        return Refused(row["reason"], row["n"])
    return TwinStatistics(
        spa=_statistic(Superior, row["spa"]),
        deflated_sharpe=_statistic(Deflated, row["deflated_sharpe"]),
        deflated_sharpe_curves=_statistic(Deflated, row["deflated_sharpe_curves"]),
        best=row["best"],
        beating=row["beating"],
        richer=row["richer"],
        idle=row["idle"],
    )


def _statistic(kind: type[Statistic], row: Json) -> Statistic | Refused:
    if "reason" in row:
        return Refused(row["reason"], row["n"])
    return kind(**{field.name: _number(row[field.name]) for field in fields(kind)})


def _number(value: Any) -> Any:
    return float("nan") if value is None else value
