"""The names of the columns of a sweep's table: a figure's name, a space and the name of a window; `acts` has no window."""

TOTAL_RETURN, SHARPE = "total_return", "sharpe"
TWIN = "twin"
TWIN_RETURN, TWIN_SHARPE, DIFFERENCE = f"{TWIN}_{TOTAL_RETURN}", f"{TWIN}_{SHARPE}", "difference"  # of total returns
ACTS = "acts"  # whether the signal's answer ever changes, and anything but the twin's targets follows from it
