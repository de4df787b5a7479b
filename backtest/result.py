"""What came out of a run: frozen values, which the page reads and `output.document` writes as JSON. Days in texts are ISO."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from backtest import plots
from backtest.analysis.capacity import NO_ORDER, LargestOrder
from backtest.analysis.catalysts import WindowCatalysts
from backtest.analysis.common_span import CommonSpan
from backtest.analysis.demand import Demand
from backtest.analysis.holdings_now import HoldingsNow
from backtest.analysis.return_split import ReturnSplit
from backtest.analysis.staleness import Staleness
from backtest.analysis.surprises import Surprises
from backtest.claims.ledger import ClaimOutcome, Finding
from backtest.errors import ConfigurationError
from backtest.execution.portfolio import Fills, portfolio_of
from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import counted, percent
from backtest.markets.cash_rates import CashRate
from backtest.signals import Reading
from backtest.statistics import performance
from backtest.statistics.hac import Coefficient
from backtest.statistics.markov_switching import State
from backtest.statistics.partial_pooling import Pooled
from backtest.statistics.refusal import Refused
from backtest.statistics.tear_sheet import TearSheet
from backtest.strategy import StrategySpec
from backtest.text.notebook import Displayed
from backtest.thesis import Thesis
from backtest.thesis.windows import WHOLE, Window
from backtest.universe.benchmarks import Comparison

if TYPE_CHECKING:
    from backtest.plots import Axes

SignalReadings = dict[str, Reading]  # by calendar quarter

INTERVALS = {"return_interval": "total_return", "sharpe_interval": "sharpe", "sharpe_bootstrap": "sharpe_bootstrap",
             "drawdown_interval": "max_drawdown"}  # fmt: skip
FIRST_KIND = 8  # columns of a book's orders before those of the kinds of cost


@dataclass(frozen=True)
class BenchmarkSpan:
    """What a benchmark returned in a window, on the sessions it shares with the book, and what the book returned there.

    `excess` is the difference, refused where the book held nothing but a benchmark itself. `base` is the first session both are
    priced on, from which the first return starts, at `first`. All but `matched` are None where they share fewer than two
    sessions.
    """

    matched: bool = False
    total_return: float | None = None
    book_return: float | None = None
    excess: float | Refused | None = None
    base: str | None = None
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class EndedTicker:
    """A ticker whose prices end before the book does: its last session, and why."""

    ticker: str
    session: str
    reason: str


@dataclass(frozen=True)
class CashInterest:
    """The rates that cash in a currency earned during a run, none where it earned nothing, and the interest in that currency."""

    currency: str
    rates: tuple[CashRate, ...]
    day_count: str
    interest: float
    sentence: str


@dataclass(frozen=True)
class Coverage:
    """How many of a book's tickers are priced to its end, of how many, and those that are not."""

    priced: int
    of: int
    ended: tuple[EndedTicker, ...] = ()


@dataclass(frozen=True)
class TickerName:
    """A ticker's English and Chinese name; empty where there is none."""

    name: str
    name_zh: str = ""


@dataclass(frozen=True)
class PriceSource:
    """Where prices came from, how they are adjusted, and which bars there are ("none" where only closes are)."""

    source: str
    adjustment: str
    bars: str


@dataclass(frozen=True)
class ControlWindow:
    """What a control returned in a window, and the book's return less that, with its 95% interval or why there is none.

    All are None where the window has fewer than two sessions.
    """

    total_return: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | Refused | None = None


@dataclass(frozen=True)
class Control:
    """A book beside the same book without its signal.

    `twin` has the signal on wherever it has a value, or says why there is none; `from_start` holds the basket from the first
    session. What the signal did is None where the weighting does not say it: `switches`, the decisions that ask for other
    shares than the last before them that had a value too; the first and last of them, `first_change` and `last_change`; and
    `time_on`, the mean share of the book that the signal asks for over the sessions after `first_value`, the first decision
    at which it has a value. `sentence` says all this by rules from these figures, `activity` what the signal did. `equity` has
    session → value of both controls by their names here, `from_start` alone where there is no twin.
    """

    sentence: str
    switches: int | None
    time_on: float | None
    first_value: str | None
    first_change: str | None
    last_change: str | None
    twin: dict[str, ControlWindow] | Refused
    from_start: dict[str, ControlWindow]
    equity: dict[str, pd.Series] = field(default_factory=dict, compare=False, repr=False)
    activity: str = ""


@dataclass(frozen=True)
class Origin:
    """The data that a book was made from: their id, and whose prices they have."""

    data_id: str
    tickers: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Book(Displayed):
    """One portfolio: a basket under the strategy's rule, in one currency.

    `equity` is session → value; `benchmarks` session × ticker, in the book's currency, scaled to the capital, NaN before
    a benchmark's first price and after its last. `decisions` has, by session, the moment, the score of each signal and what was
    to be invested. `targets` and `realised` are order session × ticker weights. `orders`, `unfilled`, `late`, `exits` and
    `differences` are tables of the order simulation. `profits` has session × ticker tables by part, `attribution` their sums as
    fractions of the capital, by name, theme, market and currency. `windows` has the statistics by window, `benchmark_windows`
    each benchmark's by window: book and benchmark are compared on the sessions of a window that they share. `comparisons` says
    of each whether it is matched and why, the declared one first; `charted` names the benchmarks that line charts draw. `shares`
    has each ticker's part of the book at every close, session × ticker, and `return_split` what carried its return, by window.
    `control` is None without a signal, `tear_sheet` without a return; `largest_order` is that beside its session's volume;
    `holdings_now` is the book at its last close, with what its rule asks for then; `fills` is what a portfolio of vectorbt needs,
    `origin` the data it was made from.
    """

    basket: str
    title: str
    members: tuple[str, ...]
    chosen: pd.Timestamp
    currency: str
    periods_per_year: int
    equity: pd.Series
    benchmarks: pd.DataFrame
    decisions: pd.DataFrame
    targets: pd.DataFrame
    realised: pd.DataFrame
    orders: pd.DataFrame
    unfilled: pd.DataFrame
    late: pd.DataFrame
    exits: pd.DataFrame
    differences: pd.DataFrame
    profits: dict[str, pd.DataFrame]
    attribution: dict[str, pd.DataFrame]
    windows: dict[str, WindowStatistics]
    benchmark_windows: dict[str, dict[str, BenchmarkSpan]]
    coverage: Coverage
    cash: CashInterest
    origin: Origin
    comparisons: tuple[Comparison, ...] = ()
    shares: pd.DataFrame = field(default_factory=pd.DataFrame)
    return_split: dict[str, ReturnSplit] = field(default_factory=dict)
    charted: tuple[str, ...] = ()
    control: Control | None = None
    largest_order: LargestOrder = NO_ORDER
    tear_sheet: TearSheet | None = None
    holdings_now: HoldingsNow | None = None
    fills: Fills | None = None

    def window(self, name: str) -> WindowStatistics:
        """Return the statistics of a window; those of one without a session where the book has no such window."""
        return self.windows.get(name) or WindowStatistics("both")

    @property
    def declared(self) -> str | None:
        """The ticker of the declared benchmark, None where the book has none."""
        return self.comparisons[0].ticker if self.comparisons else None

    def benchmark_returns(self) -> pd.Series:
        """Return the return per session of the declared benchmark, on the sessions it is priced on and the one before was."""
        if self.declared is None:
            return pd.Series(dtype=float, index=pd.DatetimeIndex([]))
        return performance.returns(self.benchmarks[self.declared]).dropna()

    @property
    def headline(self) -> str:
        """The book, its span and what it returned, in one line."""
        first, last = (f"{day:%Y-%m-%d}" for day in self.equity.index[[0, -1]])
        earned = self.window(WHOLE).total_return
        whole = "no return" if earned is None else percent(earned)
        return f"Book {self.basket}: {whole} in {self.currency}, {first} to {last}, {counted(len(self.orders), 'order')}"

    @property
    def returns(self) -> pd.Series:
        """The return of every session but the first, as a fraction."""
        return performance.returns(self.equity)

    @property
    def statistics(self) -> pd.DataFrame:
        """Window × figure: fractions, except Sharpe ratios (a year) and counts; `_low` and `_high` are 95% intervals.

        None where a window has too few sessions for a figure.
        """
        rows = {name: _figures(figures) for name, figures in self.windows.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("window")

    def to_frame(self) -> pd.DataFrame:
        """Return session × line: the book's value (`equity`), its controls' and its benchmarks', in the book's currency."""
        controls = pd.DataFrame(self.control.equity if self.control else {}, index=self.equity.index)
        return pd.concat([self.equity.rename("equity"), controls, self.benchmarks], axis=1).rename_axis("session")

    def shown_table(self) -> pd.DataFrame:
        """Return the statistics."""
        return self.statistics

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the book's value with its controls and charted benchmarks; return the matplotlib axes, new ones without `ax`."""
        table = self.to_frame()
        drawn = ["equity", *(self.control.equity if self.control else ()), *self.charted]
        return plots.lines(table[[name for name in drawn if name in table]], self.title, self.currency, ax)

    def portfolio(self) -> Any:
        """Return the `vectorbt.Portfolio` of the book's fills: one column per ticker, one group that shares the cash.

        Its value is the book's at every session to 1e-9, so that vectorbt's statistics, trades and plots are of this book.
        Prices have slippage in them, other costs are fixed fees. A session counts as 365 / `periods_per_year` days, since
        vectorbt counts a year as 365 days. Loads vectorbt, which takes seconds the first time.
        """
        if self.fills is None:
            raise ConfigurationError(f"book {self.basket} has no fills; expected one of a result of `run`")
        return portfolio_of(self.orders, self.fills, self.equity, self.periods_per_year)


def _figures(window: WindowStatistics) -> dict[str, object]:
    """Return the figures of a window by name, each interval as its two ends."""
    figures: dict[str, object] = {}
    for name, value in asdict(replace(window, ends=None)).items():
        if name in INTERVALS:
            low, high = value or (None, None)
            figures |= {f"{INTERVALS[name]}_low": low, f"{INTERVALS[name]}_high": high}
        elif name != "ends":
            figures[name] = value
    return figures


@dataclass(frozen=True, repr=False)
class Replay:
    """How many decisions were taken again without a difference, and what was said of the planted look-ahead signal."""

    decisions: int
    canary: str

    def __repr__(self) -> str:
        taken = f"{self.decisions:,} decisions taken again with everything later hidden"
        return f"<{taken}: none changed; a planted look-ahead was caught>"


@dataclass(frozen=True)
class WindowRank:
    """Whether a book's excess return in a window can be told from luck, and where it stands among all windows of that length.

    See `statistics.window_rank`: `luck` and `special` are two questions, `verdict` takes both together.
    """

    n: int
    first: str
    last: str
    sharpe: float
    error: float
    rank: int
    windows: int
    apart: int
    expected_best: float
    trials: int
    luck: str
    special: bool
    verdict: str
    because: str


@dataclass(frozen=True)
class Remainder:
    """A book's whole return and what is left of it without each name, each quarter and its best sessions (fractions).

    `without_name` and `without_quarter` have the least left first, `profit_share` the largest first; None without a profit.
    """

    total_return: float
    without_name: dict[str, float]
    without_quarter: dict[str, float]
    without_best_days: float
    best_days: tuple[str, ...]
    profit_share: dict[str, float] | None
    n: int


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval; `error` is its standard error where it is shown."""

    value: float
    lower: float
    upper: float
    error: float | None = None

    @classmethod
    def of(cls, coefficient: Coefficient) -> "Interval":
        """Return the interval of a regression's coefficient."""
        return cls(coefficient.value, coefficient.lower, coefficient.upper, coefficient.error)


@dataclass(frozen=True)
class FactorFit:
    """What factors leave unexplained of a book's return: alpha a year, and the loadings, both fractions."""

    alpha: Interval
    loadings: dict[str, Interval]
    first: str
    last: str
    r_squared: float
    n: int
    indicative: bool


@dataclass(frozen=True)
class AnnouncementStudy:
    """How books moved on the first session that could react to an announcement; see `statistics.events`."""

    books: tuple[str, ...]
    events: tuple[str, ...]
    dropped: int
    abnormal: float
    t: float
    p: float
    p_random: float
    least: float
    correlation: float


@dataclass(frozen=True)
class Lead:
    """Whether a series leads the suppliers' revenue by `lag` quarters; see `statistics.lead_lag`."""

    lag: int
    correlation: float
    p: float
    least: float
    slope: Interval | None
    quarters: tuple[str, str]
    n: int


@dataclass(frozen=True)
class SupplierSlopes:
    """Suppliers' slopes of revenue growth on CapEx growth, pooled, over the quarters that all of them have."""

    pooled: Pooled
    quarters: tuple[str, str]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class BasketStates:
    """The two states of a basket's excess return; `probability` is that of the better one by month, `windows` its mean there."""

    high: State
    low: State
    bic_gain: float
    warnings: tuple[str, ...]
    probability: dict[str, float]
    windows: dict[str, float | None]
    n: int


@dataclass(frozen=True)
class NullTest:
    """A strategy's growth a year (log) or alpha against a null: `p` one-sided, at least `least`.

    `draws`, `median` (the middle draw) and `least` are None for a regression, which has `n` returns instead.
    `adjusted` is p after Holm, `stands` whether it holds at its registered level; None where it is not registered.
    """

    p: float
    observed: float
    least: float | None = None
    draws: int | None = None
    median: float | None = None
    n: int | None = None
    adjusted: float | None = None
    stands: bool | None = None


@dataclass(frozen=True)
class NullSuite:
    """The tests by null, and how many hypotheses are registered, how many of them primary, and the hash of their file."""

    tests: dict[str, NullTest | Refused]
    registered: int
    primary: int
    hypotheses_id: str


@dataclass(frozen=True)
class LeakResult:
    """A book under one way of reading publication dates: return and Sharpe ratio, and each less that of our way."""

    total_return: float | None
    sharpe: float | None
    total_return_bought: float | None
    sharpe_bought: float | None


@dataclass(frozen=True, repr=False)
class Audit(Displayed):
    """How much of a run is luck, and whether any of it was seen too early; None is a question that was not asked.

    `not_run` has those, each with the reason; `of` is the identity of the run. Parts are by book, but `lead_lag` by leading
    series, `events` by announcement and market, and `slopes` and `nulls` of the whole run; `window_ranks` are by book and
    window, `leak_budget` by book and way.
    """

    replay: Replay
    windows_id: str
    verdict: str
    not_run: dict[str, str]
    of: str
    window_ranks: dict[str, dict[str, WindowRank | Refused]] | None = None
    influence: dict[str, Remainder | Refused] | None = None
    factors: dict[str, FactorFit | Refused] | None = None
    lead_lag: dict[str, Lead | Refused] | None = None
    slopes: SupplierSlopes | Refused | None = None
    events: dict[str, AnnouncementStudy | Refused] | None = None
    states: dict[str, BasketStates | Refused] | None = None
    nulls: NullSuite | None = None
    leak_budget: dict[str, dict[str, LeakResult]] | None = None

    @property
    def headline(self) -> str:
        """How many decisions were replayed, and the verdict, in one line."""
        return f"Audit of {counted(self.replay.decisions, 'decision')}: {self.verdict}"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per answer: question, what it is of, the estimate, its p-value, and the answer or why there is none.

        The estimate is a Sharpe ratio a year for windows, growth a year or alpha for nulls. Answers of other questions are
        fields.
        """
        rows: list[tuple[str, str, float | None, float | None, str]] = []
        for book, ranks in (self.window_ranks or {}).items():
            for window, rank in ranks.items():
                answer = (None, rank.reason) if isinstance(rank, Refused) else (rank.sharpe, rank.verdict)
                rows.append(("luck of a window", f"{book}, {window}", answer[0], None, answer[1]))
        for name, test in (self.nulls.tests if self.nulls else {}).items():
            null = (None, None, test.reason) if isinstance(test, Refused) else (test.observed, test.p, _standing(test))
            rows.append(("null", name, *null))
        rows += [("not run", name, None, None, reason) for name, reason in self.not_run.items()]
        return pd.DataFrame(rows, columns=["question", "of", "estimate", "p", "answer"])


def _standing(test: NullTest) -> str:
    if test.stands is None:
        return "not registered"
    return f"{'stands' if test.stands else 'does not stand'} at {test.adjusted:.3g} after correction"


@dataclass(frozen=True, repr=False)
class RunResult(Displayed):
    """A strategy's run: the spec that asked for it, what identifies its inputs, and what came out, book by book.

    `signals` has the readings of the spec's own quarterly signals, `trends` those of every other, both as known at
    the end of the run; `when_written` has each one's newest as known on the thesis's date, `seen` its newest value as a reader
    had it at the end of every month and of the run, `known` each claim's verdict and figure then. `claims` are the findings as
    known at the end of the run, each with what was known when the thesis was written. `catalysts` are those of the baskets of
    all books. `command` makes the run again; it says where
    figures and prices lay, so it identifies nothing. `staleness` has the quarterly signals that a late figure holds back at the
    end of the run, `signals_read` names those that decisions rest on. `common_spans` has, of several books,
    what each earned over the span that all have. `audit` is None where it was not asked for.
    """

    spec: StrategySpec
    thesis: Thesis
    spec_id: str
    data_id: str
    code_id: str
    prices: PriceSource
    windows: tuple[Window, ...]
    books: dict[str, Book]
    signals: dict[str, SignalReadings]
    trends: dict[str, SignalReadings]
    when_written: dict[str, SignalReadings]
    seen: dict[str, dict[str, float]]
    known: dict[str, dict[str, ClaimOutcome]]
    claims: tuple[Finding, ...]
    names: dict[str, TickerName]
    notes: tuple[str, ...]
    command: str
    staleness: dict[str, Staleness] = field(default_factory=dict)
    signals_read: tuple[str, ...] = ()
    common_spans: dict[str, CommonSpan] = field(default_factory=dict)
    audit: Audit | None = None
    catalysts: WindowCatalysts = field(default_factory=dict)
    surprises: dict[str, Surprises] = field(default_factory=dict)
    demand: dict[str, Demand] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What the run was made from: the ids of its spec, data and code."""
        return f"{self.spec_id}-{self.data_id}-{self.code_id}"

    @property
    def readings(self) -> dict[str, SignalReadings]:
        """The readings of every quarterly signal, the strategy's own first."""
        return self.signals | self.trends

    @property
    def headline(self) -> str:
        """The strategy and what each book returned, in one line."""
        earned = {name: book.window(WHOLE).total_return for name, book in self.books.items()}
        books = ", ".join(f"{name} {'no return' if value is None else percent(value)}" for name, value in earned.items())
        return f"RunResult of {self.spec.name}: {books}"

    def with_audit(self, audit: Audit) -> "RunResult":
        """Return the run with its audit; ConfigurationError for that of another run."""
        if audit.of != self.identity:
            raise ConfigurationError(f"an audit of run {audit.of}; expected one of run {self.identity}, {self.spec.name}")
        return replace(self, audit=audit)

    def to_frame(self) -> pd.DataFrame:
        """Return (book, window) × figure, as `Book.statistics` has them."""
        return pd.concat({name: book.statistics for name, book in self.books.items()}, names=["book"])

    def shown_table(self) -> pd.DataFrame:
        """Return the statistics of every book over the whole run."""
        return pd.concat({name: book.statistics.loc[[WHOLE]] for name, book in self.books.items()}, names=["book"])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw what 1 became in every book, each in its own currency; return the matplotlib axes, new ones without `ax`."""
        table = pd.DataFrame({name: book.equity / book.equity.iloc[0] for name, book in self.books.items()})
        return plots.lines(table, self.spec.title, "value of 1 at the start", ax)
