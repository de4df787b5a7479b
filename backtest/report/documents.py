"""What the front page reads of a result.json: each part of its type, and nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from backtest.claims.ledger import Judgement
from backtest.execution.window_statistics import WindowStatistics
from backtest.files.documents import require_schema
from backtest.files.rows import fault
from backtest.result import BenchmarkSpan, ControlWindow
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import WHOLE


@dataclass(frozen=True)
class SpecPart:
    """The title and the question of a strategy."""

    title: str
    question: str


@dataclass(frozen=True)
class ThesisPart:
    """Which thesis a strategy acts on, and its date."""

    id: str
    title: str
    date: str


@dataclass(frozen=True)
class PricesPart:
    """Where prices came from."""

    source: str


@dataclass(frozen=True)
class WindowPart:
    """The first and last day of a window."""

    name: str
    start: str
    end: str


@dataclass(frozen=True)
class ControlPart:
    """What a book's signal did, whether it mattered, and what waiting for it cost; the twin's figures by window."""

    sentence: str
    twin: dict[str, ControlWindow] | Refused


@dataclass(frozen=True)
class SharedSpan:
    """A span that all books of a result have, and what each returned in it."""

    base: str
    last: str
    returns: dict[str, float]


@dataclass(frozen=True)
class BookPart:
    """A book's figures by window, its benchmarks' by ticker and window, its value by month, from 1, its control and benchmark."""

    currency: str
    windows: dict[str, WindowStatistics]
    benchmarks: dict[str, dict[str, BenchmarkSpan]]
    path: dict[str, float | None] = field(default_factory=dict)
    control: ControlPart | None = None
    declared_benchmark: str | None = None


@dataclass(frozen=True)
class FigurePart:
    """Which figure became known when."""

    known_at: str
    entity: str = ""
    metric: str = ""


@dataclass(frozen=True)
class ClaimPart:
    """A claim, what came of it when it was written and since, and the figures it rests on."""

    id: str
    sentence: str
    reported: float | None
    inputs: tuple[FigurePart, ...]
    when_written: Judgement | None
    since: Judgement | None = None
    explained: str = ""


@dataclass(frozen=True)
class AuditPart:
    """What an audit says of luck, in a sentence."""

    verdict: str


@dataclass(frozen=True)
class StrategyDocument:
    """A strategy's result as the front page shows it."""

    strategy: str
    spec_id: str
    data_id: str
    code_id: str
    spec: SpecPart
    thesis: ThesisPart
    prices: PricesPart
    windows: tuple[WindowPart, ...]
    books: dict[str, BookPart]
    claims: tuple[ClaimPart, ...]
    audit: AuditPart | None
    common_spans: dict[str, SharedSpan] = field(default_factory=dict)
    lead: str = ""
    folder: str = ""  # of its report, which may have a tag; else that of its strategy

    @property
    def tag(self) -> str:
        """What tells this report from others of its strategy: a tag, or the spec_id of settings that others replaced."""
        return self.folder.removeprefix(self.strategy).removeprefix("--")

    @property
    def first(self) -> str:
        """The first day of the run."""
        return self._whole.start

    @property
    def last(self) -> str:
        """The last day of the run."""
        return self._whole.end

    @property
    def _whole(self) -> WindowPart:
        return next(window for window in self.windows if window.name == WHOLE)

    @property
    def newest_figure(self) -> str:
        """The day of the newest figure that a claim rests on, or nothing."""
        return max((figure.known_at[:10] for figure in self.figures), default="")

    @property
    def figures(self) -> Iterator[FigurePart]:
        """Every figure that a claim rests on."""
        return (figure for claim in self.claims for figure in claim.inputs)


_reader = TypeAdapter(StrategyDocument)


def strategy_document(document: Mapping[str, object]) -> StrategyDocument:
    """Return what the front page reads of a result.json; ValueError for one of another schema or shape."""
    require_schema(document)
    try:
        return _reader.validate_python(document)
    except ValidationError as error:
        raise ValueError(fault(error)) from None
