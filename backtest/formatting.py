"""How a number is written, on pages, in summaries and at a terminal."""

import math
from typing import TypeGuard

DASH = "—"


def known(value: float | None) -> TypeGuard[float]:
    """Return whether a figure is there: not None, NaN or infinite."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with thousands separated and a true minus, or a dash."""
    return f"{value:,.{digits}f}".replace("-", "−") if value is not None and known(value) else DASH


def stated(value: float | None) -> str:
    """Return a claim's figure: one decimal from ten, three below, four below a tenth and five below a hundredth, or a dash."""
    if value is None:
        return DASH
    size = abs(value)
    return number(value, 1 if size >= 10 else 3 if size >= 0.1 or size == 0 else 4 if size >= 0.01 else 5)


def percent(value: float | None, digits: int = 1, sign: bool = True) -> str:
    """Return a fraction in percent with its sign, or a dash."""
    if value is None or not known(value):
        return DASH
    return f"{value * 100:{'+' if sign else ''},.{digits}f}%".replace("-", "−")


def points(value: float | None) -> str:
    """Return a difference of fractions in percentage points with its sign, or a dash."""
    return percent(value).removesuffix("%")


def log_points(value: float | None) -> str:
    """Return log points with their sign, or a dash; what rounds to nothing is +0.00."""
    if value is None or not known(value):
        return DASH
    return f"{value:+.2f}".replace("-0.00", "+0.00").replace("-", "−")


def counted(count: int, thing: str) -> str:
    """Return a count with its noun: 1 order, 2 orders."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
