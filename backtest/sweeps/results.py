"""What came of a sweep: the table of its settings, the best of them, and what the search for it is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.grid import Setting
from backtest.sweeps.table import SettingsTable
from backtest.thesis.windows import WHOLE, Window

MEDIAN, DECLARED, BENCHMARK = "median", "declared", "benchmark"  # what the best setting is read beside


@dataclass(frozen=True)
class WindowFigures:
    """Total return (fraction) and Sharpe ratio (per year) in a window, those of the twin, and the difference of returns.

    NaN where there is none.
    """

    total_return: float
    sharpe: float
    twin_total_return: float = float("nan")
    twin_sharpe: float = float("nan")
    difference: float = float("nan")


@dataclass(frozen=True)
class BestSetting:
    """The book with the highest Sharpe ratio over the whole run: its setting, its periods a year, and the chunk of its curve."""

    number: int
    spec_id: str
    book: str
    setting: Setting
    periods: int
    chunk: str
    windows: Mapping[str, WindowFigures]

    @property
    def sharpe(self) -> float:
        """The Sharpe ratio over the whole run."""
        return self.windows[WHOLE].sharpe


@dataclass(frozen=True)
class Compared:
    """What the best setting is read beside, by window.

    It is the `median` of every figure over all settings, the strategy as it is `declared` in its file (`id`: its spec_id), or
    the declared `benchmark` of the best setting's book (`id`: its ticker).
    """

    name: str
    windows: Mapping[str, WindowFigures]
    id: str = ""


@dataclass(frozen=True)
class Span:
    """The base and the last day of some returns, ISO."""

    first: str
    last: str


@dataclass(frozen=True)
class MinimumLength:
    """The years that a search of this size needs, None where no length would do, and those that the run has."""

    years: float | None
    had: float


@dataclass(frozen=True)
class TwinStatistics:
    """What signals added: every setting in excess of its own twin, which is the same setting with the signal on throughout.

    The Deflated Sharpe Ratio is that of the excess with the highest ratio, found in the setting `best` (its spec_id), N as
    settings and as distinct curves. Shares of rows: `beating` have a higher Sharpe ratio than the twin over the whole run,
    `richer` a higher total return, and in `idle` the signal never acts.
    """

    spa: Superior | Refused
    deflated_sharpe: Deflated | Refused
    deflated_sharpe_curves: Deflated | Refused
    best: str
    beating: float
    richer: float
    idle: float


@dataclass(frozen=True)
class SearchStatistics:
    """What the best of many settings is worth: each statistic, or why it is refused; `spa_span` are the days of the SPA.

    `curves` counts the distinct paths of returns, `deflated_sharpe_curves` takes its N and the spread of ratios from them.
    """

    deflated_sharpe: Deflated | Refused
    pbo: Overfit | Refused
    spa: Superior | Refused
    spa_span: Span | None
    minimum_length: MinimumLength
    deflated_sharpe_curves: Deflated | Refused
    curves: int
    twins: TwinStatistics | Refused


@dataclass(frozen=True, repr=False)
class SweepSummary:
    """A sweep without its table: what its result.json has.

    `trials` counts the distinct settings of the strategy ever evaluated on these data, the N of the statistics that have one.
    """

    strategy: str
    settings: int
    best: BestSetting
    statistics: SearchStatistics
    trials: int
    trials_on_any_data: int
    identities: Mapping[str, str]
    command: str
    folder: str = ""  # of its page, which may have a tag; else that of its strategy
    expectations: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    compared: tuple[Compared, ...] = ()

    def __repr__(self) -> str:
        return f"<summary of a sweep of {self.strategy}: {self.settings:,} settings, {self.trials:,} trials on these data>"


@dataclass(frozen=True)
class SweepResult:
    """A sweep with its table, a row per setting and book, which is on the disk and read by columns.

    Columns: number, spec_id, book, one per field of the grid (`fields`), periods, acts (whether the signal ever does), chunk
    (the file of its curve), and the total return and the Sharpe ratio of each window, with a twin also those of the twin and
    the difference of total returns.
    """

    summary: SweepSummary
    table: SettingsTable
    fields: tuple[str, ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class SweepCost:
    """What a sweep took: seconds in all, by part, settings a second, and the most memory of all its processes.

    `cpu_seconds` is the processor time of this process and of its workers; what workers load before they begin is not in it.
    """

    seconds: float
    cpu_seconds: float
    seconds_by_part: Mapping[str, float]
    settings_per_second: float
    peak_memory_mb: float
