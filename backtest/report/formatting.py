"""How the report writes values, days, names and windows; numbers are those of `backtest.formatting`."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError, near_miss
from backtest.facts import Fact
from backtest.formatting import DASH, counted, known, number
from backtest.result import RunResult, SignalReadings, TickerName
from backtest.thesis.windows import SAMPLES, Window, whole_run

LONGEST_NAME = 100  # letters
ADDRESS = re.compile(r"https?://[^\s,;\"'<>()]+|\bGitHub ([\w.-]+/[\w.-]+)")
GROUPS = {
    "in": "In sample: up to the thesis's date, seen by its authors",
    "out": "Out of sample: after the thesis's date",
    "both": "Both together",
}

Names = Mapping[str, TickerName]


def setting_value(value: object) -> str:
    """Return a value of a setting: numbers without needless zeros, lists with commas, nothing as a dash."""
    if isinstance(value, list | tuple):
        return ", ".join(map(setting_value, value)) or DASH
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.12g}".replace("-", "−")
    return str(value) or DASH


def day(moment: object) -> str:
    """Return a session as an ISO day, or a dash."""
    session = pd.Timestamp(moment) if isinstance(moment, pd.Timestamp | np.datetime64 | str) else pd.NaT
    return f"{session:%Y-%m-%d}" if isinstance(session, pd.Timestamp) else DASH


def plain(name: str) -> str:
    """Return a name of the code as words."""
    return name.replace("_", " ")


def name_of(names: Names, ticker: str) -> str:
    """Return a ticker's English name, cut where it is very long, or the ticker."""
    return _cut((ticker in names and names[ticker].name) or ticker)


def name_zh(names: Names, ticker: str) -> str:
    """Return a ticker's Chinese name, cut where it is very long, or nothing."""
    return _cut(names[ticker].name_zh) if ticker in names else ""


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def full_name(names: Names, ticker: str) -> str:
    """Return English name, Chinese name and ticker."""
    english = " ".join(part for part in (name_of(names, ticker), name_zh(names, ticker)) if part)
    return english if english == ticker else f"{english} ({ticker})"


def spans(windows: Sequence[Window]) -> Iterator[tuple[str, Window]]:
    """Yield each span of days once, with every name it goes by and its first window."""
    named: dict[tuple[pd.Timestamp, pd.Timestamp], list[Window]] = {}
    for window in windows:
        named.setdefault((window.start, window.end), []).append(window)
    for same in named.values():
        yield " = ".join(window.name for window in same), same[0]


def ended(windows: Sequence[Window]) -> str:
    """Return the last day of a run: what is called known at its end was known on that day."""
    return day(whole_run(windows).end)


def written_by(result: RunResult) -> str:
    """Return the day by which "when written" is known: the thesis's date, or the run's end where that is earlier."""
    return min(day(result.thesis.date), ended(result.windows))


def regimes(windows: Sequence[Window]) -> list[Window]:
    """Return the named regimes among the windows."""
    return [window for window in windows if window.name not in SAMPLES]


def listed(items: Sequence[str]) -> str:
    """Return items as a phrase: a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"


def unverified(source: str) -> bool:
    """Return whether a source says of itself that nobody has checked it."""
    return "unverified" in source.lower()


def cited(fact: Fact) -> str:
    """Return a figure as a line: what, how much, when known, how sure, from where."""
    digits = 0 if known(fact.value) and abs(fact.value) >= 1000 else 3
    return (
        f"{fact.entity} {plain(fact.metric)} {fact.period}: {number(fact.value, digits)} {plain(fact.unit)}; known "
        f"{fact.published}; {fact.evidence}, {fact.confidence} confidence; source: {fact.source}"
    )


def origin(inputs: Sequence[Fact]) -> str:
    """Return from how many figures something was computed, and when the last of them became known."""
    last = f"; the last became known {max(fact.published for fact in inputs)}" if inputs else ""
    return f"From {counted(len(inputs), 'figure')}{last}."


def require_parts(signal: str, quarters: SignalReadings, parts: Sequence[str]) -> None:
    """Raise ConfigurationError with a near miss for a part that pages.toml draws and a signal's readings lack."""
    for reading in quarters.values():
        for part in parts:
            if part not in reading.parts:
                raise ConfigurationError(f"pages.toml: {near_miss(f'part of {signal}', part, list(reading.parts) or ['none'])}")


def address_of(source: str) -> str:
    """Return the address that a source gives, that of its repository where it names one on GitHub, or nothing."""
    if (match := ADDRESS.search(source)) is None:
        return ""
    return (f"https://github.com/{match[1]}" if match[1] else match[0]).rstrip(".")
