"""The rows of a thesis folder: roles, windows, loadings, hypotheses, factors, levels, and what only its own pages show."""

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from backtest.facts import SeriesKey
from backtest.files.rows import STRICT, Day, Many, Row


class Header(Row):
    """The [thesis] table: what was claimed, by whom and when. `date` divides what its authors had seen from what came after.

    `cited_as` has the words by which a table names the thesis as its source: such a figure proves nothing of it.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    question: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    date: Day
    language: str = Field(default="en", min_length=2)
    themes: tuple[str, ...] = Many
    cited_as: tuple[str, ...] = Field(default=(), strict=False)


class Role(Row):
    """The series that play a part in a thesis, named once: signals, measures, audits and pages read the role.

    A series is written "ENTITY metric". `labels` has a word for each, such as the vendor whose chips an entity's revenue stands
    for. A role with `announced` is an event in audits whenever one of its figures is published. Of one with `surprises`, which
    names the kind, each figure is held against what its own past let expect.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    series: tuple[str, ...] = Many
    labels: tuple[str, ...] = Field(default=(), strict=False)
    announced: str = ""
    surprises: str = ""

    @model_validator(mode="after")
    def _pairs(self) -> "Role":
        for text in self.series:
            if len(text.rsplit(" ", 1)) < 2:
                raise ValueError(f"series '{text}' of role '{self.name}'; expected an entity and a metric, such as 'ABC revenue'")
        if len(set(self.series)) < len(self.series):
            raise ValueError(f"role '{self.name}' names a series twice; expected each once")
        if self.labels and len(self.labels) != len(self.series):
            raise ValueError(f"role '{self.name}' has {len(self.labels)} label(s); expected {len(self.series)}, one a series")
        return self

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """The series as pairs of entity and metric."""
        return tuple((entity, metric) for entity, metric in (text.rsplit(" ", 1) for text in self.series))


class NamedWindow(Row):
    """A window that the thesis names, both days included; no `end` means to the end of the run."""

    name: str
    title: str
    start: Day
    end: Day | None = None

    @model_validator(mode="after")
    def _span(self) -> "NamedWindow":
        if self.end and self.end < self.start:
            raise ValueError(f"end is {self.end}; expected a day from start ({self.start}) on")
        return self


class Loading(Row):
    """How much a theme stands to gain from a trend, from -1 to 1, and why. `trend` is a quarterly signal by name."""

    theme: str
    trend: str
    loading: float = Field(ge=-1, le=1)
    reason: str = Field(min_length=1)


class Hypothesis(BaseModel):
    """The strategy's statistic is larger than under a null, at level `alpha` after correction."""

    model_config = STRICT

    strategy: str
    null: Literal["placebo", "labels", "dates", "leader", "noise", "factors"]
    statistic: Literal["standardised log growth", "alpha a year"]
    direction: Literal["larger"]
    alpha: float = Field(gt=0, lt=1)
    primary: bool = False


class Factor(Row):
    """A ticker whose return explains those of books: of every book, or of those that trade in `market`."""

    name: str = Field(min_length=1)
    ticker: str
    market: str = ""


TERMS = ("wealth", "revenue", "share", "currency", "margin", "profit", "rerating", "residual")  # of every split of a return


class Level(Row):
    """A level of the chain from spending to share price: the sum of a role's series. Suppliers of `themes` hang on it.

    A term of a split bears its `key`; tables call it by its `label`.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    role: str
    themes: tuple[str, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _own_key(self) -> "Level":
        if self.key in TERMS:
            raise ValueError(f"key is '{self.key}', a term of every split; expected another than {', '.join(TERMS)}")
        return self


class OneOff(Row):
    """A figure that says little of the business, and why: said wherever a split of a return rests on it."""

    entity: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    period: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Shift(Row):
    """A trend that the pages of a thesis draw: a quarterly signal, its heading, what its value is, and the unit.

    `part` is one of the signal's further numbers, said beside the value as `part_says`.
    """

    signal: str
    title: str = Field(min_length=1)
    says: str = Field(min_length=1)
    unit: str = "as a fraction"
    part: str = ""
    part_says: str = ""


class Measure(Row):
    """Another measure of a shift, which the pages set beside it: `of` is the signal of the shift's row, `signal` the one read.

    `part` names one of the signal's further numbers, which then takes the place of its value.
    """

    of: str
    signal: str
    says: str = Field(min_length=1)
    unit: str = "as a fraction"
    part: str = ""


FIGURE_PARTS = ("capex", "revenue", "capex_growth", "revenue_growth")


class Figures(Row):
    """Which signals the section on the thesis in figures draws: excess growth with its parts, and a ratio beside it.

    The excess signal's parts have to include FIGURE_PARTS.

    `revenue` and `spending` are the roles whose growth is compared. `reported` names the claims that give a figure of the ratio,
    `falls` the claim that the spending never falls.
    """

    title: str = Field(min_length=1)
    excess: str
    revenue: str = "leaders"
    spending: str = "clouds"
    ratio: str = ""
    ratio_title: str = ""
    ratio_says: str = ""
    reported: tuple[str, ...] = Field(default=(), strict=False)
    falls: str = ""


class Chain(Row):
    """The signal whose parts add up to the last of them, and a word for each part in its order.

    `positive` names the parts that the thesis says are above zero.
    """

    signal: str
    title: str = Field(min_length=1)
    says: str = Field(min_length=1)
    unit: str = "as a fraction"
    links: tuple[str, ...] = Many
    positive: tuple[str, ...] = Many
