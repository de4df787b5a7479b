"""Every error a user can meet, each with the exit code its command ends in."""


class BacktestError(Exception):
    """Anything this project refuses to go on with; the message is one line for a person."""

    exit_code = 1


class ConfigurationError(BacktestError):
    """The question is malformed: a spec, a universe row, a name or an option."""

    exit_code = 2


class StrategyError(ConfigurationError):
    """A strategy's own code failed: it raised, gave what is no score or weight, or changed what it was given."""


class NotRepeatableError(BacktestError):
    """A decision taken twice on what was known at one moment was not the same twice."""

    exit_code = 4


class DataError(BacktestError):
    """Data is missing, stale or contradicts itself."""

    exit_code = 3


class MissingPricesError(DataError):
    """A source has no prices of some `tickers`; whoever does not need them can go on without."""

    def __init__(self, tickers: list[str], message: str) -> None:
        super().__init__(message)
        self.tickers = tickers


class LookAheadError(BacktestError):
    """Something was used before it could have been known."""

    exit_code = 4


class DriftError(BacktestError):
    """A result is no longer what it was: its data, rules, code or pages have changed."""

    exit_code = 5


class ExpectationError(BacktestError):
    """A sweep's figure is not what its grid expects."""

    exit_code = 5


def near_miss(kind: str, name: str, known: list[str]) -> str:
    """Return "no basket 'opticl'; did you mean 'optical'?", or the list when nothing is near."""
    from difflib import get_close_matches

    close = [candidate for candidate in known if candidate.casefold() == name.casefold()] or get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(sorted(known))}"
    return f"no {kind} '{name}'; {hint}"
