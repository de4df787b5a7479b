"""How much of it is luck: what the audit found, in tables, and what it did not ask."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from backtest.report.charts import audit_charts
from backtest.report.components import Block, Bullets, Cell, Code, Column, Rows, Section, Table, Text
from backtest.report.formatting import DASH, Names, name_of, number, percent, plain, regimes
from backtest.report.sections.outcome import audit_command
from backtest.result import (
    AnnouncementStudy,
    Audit,
    BasketStates,
    FactorFit,
    Interval,
    Lead,
    LeakResult,
    NullSuite,
    NullTest,
    Remainder,
    RunResult,
    SupplierSlopes,
    WindowRank,
)
from backtest.statistics.markov_switching import State
from backtest.statistics.refusal import Refused


def section(result: RunResult) -> Section:
    """Return the audit's tables, or the command that makes them."""
    if result.audit is None:
        command = audit_command(result)
        return Section("luck", "Luck", (Text("The audit was not run."), *((Code(command),) if command else ())))
    return Section("luck", "Luck", tuple(_blocks(result, result.audit)))


def _blocks(result: RunResult, audit: Audit) -> Iterator[Block]:
    """Yield what each question came to, those that were asked."""
    yield Text(audit.verdict, "lead")
    yield Text(
        f"{audit.replay.decisions} decisions were taken again with everything later hidden: none moved. A planted "
        f"signal that reads tomorrow was caught: {audit.replay.canary}."
    )
    if audit.window_ranks is not None:
        yield _window_ranks(audit.window_ranks, audit.windows_id)
    if audit.nulls is not None:
        yield _nulls(audit.nulls)
    if audit.influence is not None:
        yield _influence(audit.influence)
    if audit.factors is not None:
        yield _factors(audit.factors)
    if audit.leak_budget is not None:
        yield _leak_budget(audit.leak_budget)
    if audit.events is not None:
        yield _events(audit.events)
    if audit.lead_lag is not None:
        yield _leads(audit.lead_lag)
    if audit.slopes is not None:
        yield _slopes(audit.slopes, result.names)
    if audit.states is not None:
        yield from _states(result, audit.states)
    if audit.not_run:
        yield Bullets(tuple(f"Not run: {name} ({reason})." for name, reason in audit.not_run.items()))


def _refused(name: Cell, reason: str, others: int) -> tuple[Cell, ...]:
    """Return a row that has a reason instead of its first figure, and a dash for each other."""
    return (name, Cell(DASH, note=reason), *(Cell(DASH) for _ in range(others)))


def _window_ranks(books: Mapping[str, Mapping[str, WindowRank | Refused]], windows_id: str) -> Table:
    columns = (
        Column("Regime"), Column("n", True), Column("Sharpe ± error", True), Column("Best of noise", True),
        Column("Rank", True), Column("Verdict", prose=True),
    )  # fmt: skip
    groups = tuple(
        Rows(tuple(_window_rank(name, one) for name, one in windows.items()), title=title) for title, windows in books.items()
    )
    return Table(f"Regimes against luck (windows fixed in windows.toml, {windows_id})", columns, groups)


def _window_rank(name: str, one: WindowRank | Refused) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return (Cell(name), Cell(str(one.n)), Cell(DASH), Cell(DASH), Cell(DASH), Cell("not judged", note=one.reason))
    return (
        Cell(name),
        Cell(str(one.n)),
        Cell(f"{number(one.sharpe, 2)} ± {number(one.error, 2)}"),
        Cell(number(one.expected_best, 2), note=f"of {one.trials}"),
        Cell(f"{one.rank} of {one.windows}", note=f"{one.apart} fit side by side", last=one.last),
        Cell(one.verdict, note=one.because),
    )


def _nulls(suite: NullSuite) -> Table:
    columns = (
        Column("Null"), Column("Growth a year", True), Column("Middle draw", True), Column("p", True), Column("p, Holm", True),
    )  # fmt: skip
    counted = f"Holm over {suite.primary} primary ones (factors) and {suite.registered - suite.primary} others"
    title = f"Null suite: log growth a year before costs (factors: alpha); {counted} ({suite.hypotheses_id})"
    return Table(title, columns, (Rows(tuple(_null(name, one) for name, one in suite.tests.items())),))


def _null(name: str, one: NullTest | Refused) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return _refused(Cell(name), one.reason, 3)
    return (
        Cell(name, note="" if one.draws else "primary; a basket chosen in hindsight has alpha by its choice"),
        Cell(percent(one.observed)),
        Cell(percent(one.median), note=f"of {one.draws}") if one.draws else Cell(DASH, note="a regression"),
        Cell(number(one.p, 3), note=f"at least {number(one.least, 3)}" if one.least else f"{one.n} returns"),
        Cell(number(one.adjusted, 3) if one.adjusted is not None else "not registered"),
    )


def _influence(books: Mapping[str, Remainder | Refused]) -> Table:
    texts = ("Return", "Without its best name", "Without its best quarter", "Without best 3 sessions", "Largest share")
    columns = (Column("Book"), *(Column(text, True) for text in texts))
    return Table("What the return rests on", columns, (Rows(tuple(_remainder(name, one) for name, one in books.items())),))


def _remainder(name: str, one: Remainder | Refused) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return _refused(Cell(name), one.reason, 4)
    (ticker, without_name), (quarter, without_quarter) = _first(one.without_name), _first(one.without_quarter)
    largest, share = _first(one.profit_share) if one.profit_share else ("", None)
    return (
        Cell(name),
        Cell(percent(one.total_return)),
        Cell(percent(without_name), note=ticker),
        Cell(percent(without_quarter), note=quarter),
        Cell(percent(one.without_best_days)),
        Cell("no profit") if share is None else Cell(percent(share, sign=False), note=largest),
    )


def _first(values: Mapping[str, float]) -> tuple[str, float]:
    return next(iter(values.items()))


def _leak_budget(books: Mapping[str, Mapping[str, LeakResult]]) -> Table:
    columns = (
        Column("Figures used"), Column("Return", True), Column("Bought", True), Column("Sharpe", True), Column("Bought", True),
    )  # fmt: skip
    groups = tuple(Rows(tuple(_leak(way, one) for way, one in ways.items()), title=name) for name, ways in books.items())
    return Table("Leak budget: what using figures earlier or later would have bought", columns, groups)


def _leak(way: str, one: LeakResult) -> tuple[Cell, ...]:
    returns = (percent(value) for value in (one.total_return, one.total_return_bought))
    ratios = (number(value, 2) for value in (one.sharpe, one.sharpe_bought))
    return (Cell(way), *(Cell(text) for text in returns), *(Cell(text) for text in ratios))


def _factors(books: Mapping[str, FactorFit | Refused]) -> Table:
    fits = [one for one in books.values() if isinstance(one, FactorFit)]
    names = list(dict.fromkeys(name for one in fits for name in one.loadings))
    columns = (Column("Book"), Column("Alpha a year", True), *(Column(name, True, term="Loading") for name in names))
    rows = tuple(_fit(book, one, names) for book, one in books.items())
    return Table("What market, sector, NVIDIA and currency leave unexplained, with 95% intervals", columns, (Rows(rows),))


def _fit(book: str, one: FactorFit | Refused, names: Sequence[str]) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return _refused(Cell(plain(book)), one.reason, len(names))
    loadings = (_interval(one.loadings.get(name), number) for name in names)
    span = f"n = {one.n}, {one.first} to {one.last}"
    return (Cell(plain(book), note=span), _interval(one.alpha, percent), *loadings)


def _events(studies: Mapping[str, AnnouncementStudy | Refused]) -> Table:
    columns = (
        Column("Announcement and market"), Column("Events", True), Column("Abnormal return", True), Column("t", True),
        Column("p, Kolari–Pynnönen", True), Column("p, random dates", True),
    )  # fmt: skip
    rows = tuple(_event(name, one) for name, one in studies.items())
    return Table("Returns on the first session that could react to an announcement", columns, (Rows(rows),))


def _event(name: str, one: AnnouncementStudy | Refused) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return _refused(Cell(name), one.reason, 4)
    return (
        Cell(name, note=f"{len(one.books)} books" if len(one.books) > 1 else plain(one.books[0])),
        Cell(str(len(one.events)), note=f"{one.dropped} unusable"),
        Cell(percent(one.abnormal, 2)),
        Cell(number(one.t)),
        Cell(number(one.p, 3)),
        Cell(number(one.p_random, 3), note=f"at least {number(one.least, 4)}"),
    )


def _leads(leads: Mapping[str, Lead | Refused]) -> Table:
    columns = (
        Column("Leader"), Column("Quarters", True), Column("Correlation", True), Column("p, rotations", True),
        Column("Slope (indicative)", True),
    )  # fmt: skip
    caption = "Does it lead the suppliers' revenue by one quarter? Growth over the quarter before; one lag, fixed in advance"
    return Table(caption, columns, (Rows(tuple(_lead(name, one) for name, one in leads.items())),))


def _lead(name: str, one: Lead | Refused) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return (Cell(name), Cell(str(one.n), note=one.reason), *(Cell(DASH) for _ in range(3)))
    return (
        Cell(name, note=f"{one.quarters[0]} to {one.quarters[1]}"),
        Cell(str(one.n)),
        Cell(number(one.correlation)),
        Cell(number(one.p, 3), note=f"at least {number(one.least, 3)}"),
        _interval(one.slope, number),
    )


def _slopes(slopes: SupplierSlopes | Refused, names: Names) -> Block:
    if isinstance(slopes, Refused):
        return Text(f"Suppliers' slopes on CapEx are not given: {slopes.reason}.", "small")
    columns = (
        Column("Supplier"), Column("Own slope ± error", True), Column("Pooled slope", True), Column("Shrinkage", True),
        Column("Above zero", True),
    )  # fmt: skip
    pooled = slopes.pooled
    lines = {name_of(names, ticker): (one, ticker) for ticker, one in pooled.slopes.items()} | {"All": (pooled.mean, "")}
    rows = tuple(
        (
            Cell(name, note=note),
            Cell(f"{number(one.estimate)} ± {number(one.error)}"),
            Cell(number(one.mean), note=f"{number(one.lower)} to {number(one.upper)}"),
            Cell(percent(one.shrinkage, 0, sign=False) if note else DASH),
            Cell(percent(one.positive, 0, sign=False)),
        )
        for name, (one, note) in lines.items()
    )
    caption = (
        f"Revenue growth per CapEx growth in the same quarter, {slopes.quarters[0]} to {slopes.quarters[1]} (n = "
        f"{pooled.n} quarters for all suppliers together; indicative). Prior: {pooled.prior}"
    )
    return Table(caption, columns, (Rows(rows),))


def _states(result: RunResult, books: Mapping[str, BasketStates | Refused]) -> Iterator[Block]:
    """Yield the two states' table, and the probability through time of the baskets whose fit can be relied on."""
    spans = regimes(result.windows)
    columns = (
        Column("Basket"), Column("Better state", True), Column("Worse state", True), Column("Gain over one state", True),
        *(Column(span.name, True, term="Probability of the better state") for span in spans),
    )  # fmt: skip
    rows = tuple(_basket(name, one, [span.name for span in spans]) for name, one in books.items())
    caption = (
        "Two states of each basket's return in excess of its benchmarks (Hamilton 1989). Smoothed: every session is read, later "
        "ones too; a description, never a signal"
    )
    yield Table(caption, columns, (Rows(rows),))
    sound = {name: one.probability for name, one in books.items() if isinstance(one, BasketStates) and _sound(one)}
    if sound:
        yield audit_charts.probability("luck-states", sound, result.windows)
    else:
        yield Text(
            "No picture: for no basket do two states describe the returns better than one, with a fit that holds.", "small"
        )


def _sound(one: BasketStates) -> bool:
    return not one.warnings and one.bic_gain > 0


def _basket(name: str, one: BasketStates | Refused, spans: Sequence[str]) -> tuple[Cell, ...]:
    if isinstance(one, Refused):
        return _refused(Cell(plain(name)), one.reason, 2 + len(spans))
    doubt = "; ".join(one.warnings) or ("one state is as good" if one.bic_gain <= 0 else "")
    shares = (percent(one.windows[span], 0, sign=False) for span in spans)
    gain = Cell(number(one.bic_gain, 1), note=doubt)
    return (Cell(plain(name)), _state(one.high), _state(one.low), gain, *(Cell(text) for text in shares))


def _state(state: State) -> Cell:
    text = f"{percent(state.mean, 2)} ± {percent(state.deviation, 1, sign=False)}"
    return Cell(text, note=f"lasts {number(state.duration, 0)}")


def _interval(one: Interval | None, shown: Callable[[float], str]) -> Cell:
    return Cell(shown(one.value), note=f"{shown(one.lower)} to {shown(one.upper)}") if one else Cell(DASH)
