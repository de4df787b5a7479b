"""Signals for a terminal: every quarter of each and when it became known, then the newest of all in one table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from backtest.text.screen import Column, Screen, paragraph, table

ROOM = 2  # before what belongs to a signal
Described = Mapping[str, Mapping[str, Any]]


def signal_lines(signals: Described, held_back: Mapping[str, str], as_of: str, screen: Screen) -> str:
    """Return signals as known on a day, as wide as a screen; `held_back` says by name which waits for a figure."""
    blocks = [paragraph(f"as of {as_of}: every quarter of each signal, then the newest of all in one table", screen)]
    for name, signal in signals.items():
        stale = paragraph(held_back.get(name, ""), screen, margin=ROOM)
        blocks.append("\n".join(block for block in (_signal(name, signal, screen), stale) if block))
    return "\n\n".join([*blocks, _newest(signals, screen)]) + "\n"


def _signal(name: str, signal: Mapping[str, Any], screen: Screen) -> str:
    """Return a signal's scores by ticker, or its score and its quarters."""
    if isinstance(signal["score"], dict):
        scores = [(ticker, _score(score)) for ticker, score in signal["score"].items()]
        heading = paragraph(name, screen, "bold")
        return f"{heading}\n{table((Column('ticker'), Column('score', right=True)), scores, screen, margin=ROOM)}"
    columns = Column("quarter"), Column("value", right=True), Column("known"), Column("evidence"), Column("confidence")
    rows = [_quarter(quarter, reading) for quarter, reading in signal["quarters"].items()]
    heading = paragraph(f"{name}: {_score(signal['score'])}", screen, "bold")
    return f"{heading}\n{table(columns, rows, screen, margin=ROOM)}" if rows else heading


def _quarter(quarter: str, reading: Mapping[str, Any]) -> Sequence[str]:
    return quarter, _score(reading["value"]), str(reading["known_at"]), reading["evidence"], reading["confidence"]


def _newest(signals: Described, screen: Screen) -> str:
    """Return the score of every signal and its newest quarter; how many tickers it scores where it is by ticker."""
    figures = Column("score", right=True), Column("newest"), Column("value", right=True), Column("known")
    rows = [(name, *_summary(signal)) for name, signal in signals.items()]
    return table((Column("signal"), *figures), rows, screen)


def _summary(signal: Mapping[str, Any]) -> Sequence[str]:
    if isinstance(signal["score"], dict):
        known = sum(_known(score) for score in signal["score"].values())
        return f"{known} of {len(signal['score'])}", "", "", ""
    newest = list(signal["quarters"].items())[-1:]
    return _score(signal["score"]), *(_quarter(*newest[0])[:3] if newest else ("", "", ""))


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _score(value: float | None) -> str:
    return f"{value:+,.3f}".replace("-", "−") if value is not None and _known(value) else "no opinion"
