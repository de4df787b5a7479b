"""Values that a user states as options and environment variables, each refused in one line that names it."""

import math
import os
import re
from datetime import date

from backtest.errors import ConfigurationError
from backtest.files.messages import shown

APART = "--"  # between a strategy and a tag, or a spec_id, in the name of a folder
FIRST, LAST = date(1900, 1, 1), date(2200, 12, 31)


def day(name: str, stated: str) -> date:
    """Return the day an option states; ConfigurationError for anything but a day from 1900 to 2200."""
    try:
        value = date.fromisoformat(stated) if re.fullmatch(r"[0-9-]+", stated) else None
    except ValueError:
        value = None
    if value is None or not FIRST <= value <= LAST:
        raise ConfigurationError(f"{name} is '{shown(stated)}'; expected a day like 2024-06-30")
    return value


def variable(name: str, default: float, least: float, most: float) -> float:
    """Return the number an environment variable states; ConfigurationError unless it lies from `least` to `most`."""
    stated = os.environ.get(name, str(default))
    try:
        value = float(stated)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ConfigurationError(f"{name} is '{shown(stated)}'; expected a number from {least:g} to {most:g}")
    return value


def report_name(strategy: str, tag: str | None) -> str:
    """Return the name of the folder of a report or a sweep; ConfigurationError for a tag that is no plain name."""
    if tag is None:
        return strategy
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", tag):
        raise ConfigurationError(f"--tag is '{shown(tag)}'; expected up to 40 of a-z, 0-9, '_', '.' and '-', like dear-fills")
    return f"{strategy}{APART}{tag}"
