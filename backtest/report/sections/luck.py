"""How much of it is luck: what the audit found, in tables, and the questions not run."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from backtest.formatting import DASH, number, percent
from backtest.report.charts import audit_charts
from backtest.report.components import Block, Bullets, Cell, Code, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import Names, name_of, plain, regimes
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
    more = Fold("Every question of the audit, and what it found", tuple(_blocks(result, result.audit)))
    return Section("luck", "Luck", (Text(result.audit.verdict, "lead"), more))


def _blocks(result: RunResult, audit: Audit) -> Iterator[Block]:
    """Yield what each question came to, those that were asked."""
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
        Column("Regime"), Column("n", True), Column("Sharpe ± error", True), Column("Best of noise", True), Column("Luck"),
        Column("Rank", True), Column("Special"), Column("Verdict", prose=True),
    )  # fmt: skip
    groups = tuple(
        Rows(tuple(_window_rank(name, rank) for name, rank in windows.items()), title=title) for title, windows in books.items()
    )
    caption = (
        "Regimes in excess of the declared benchmark: can they be told from luck, and, another question, are they special among "
        f"the windows of the same run? (windows fixed in windows.toml, {windows_id})"
    )
    return Table(caption, columns, groups)


def _window_rank(name: str, rank: WindowRank | Refused) -> tuple[Cell, ...]:
    if isinstance(rank, Refused):
        return (Cell(name), Cell(str(rank.n)), *(Cell(DASH) for _ in range(5)), Cell("not judged", note=rank.reason))
    share = percent(rank.rank / rank.windows, 1, sign=False)
    return (
        Cell(name),
        Cell(str(rank.n)),
        Cell(f"{number(rank.sharpe, 2)} ± {number(rank.error, 2)}"),
        Cell(number(rank.expected_best, 2), note=f"of {rank.trials}"),
        Cell(rank.luck),
        Cell(f"{rank.rank} of {rank.windows}", note=f"p {share}, one-sided; {rank.apart} fit side by side", last=rank.last),
        Cell("yes" if rank.special else "no"),
        Cell(rank.verdict, note=rank.because),
    )


def _nulls(suite: NullSuite) -> Table:
    columns = (
        Column("Null"), Column("Growth a year", True), Column("Middle draw", True), Column("p, one-sided", True),
        Column("p, one-sided, Holm", True),
    )  # fmt: skip
    counted = f"Holm over {suite.primary} primary ones (factors) and {suite.registered - suite.primary} others"
    title = f"Null suite: log growth a year before costs (factors: alpha); {counted} ({suite.hypotheses_id})"
    return Table(title, columns, (Rows(tuple(_null(name, test) for name, test in suite.tests.items())),))


def _null(name: str, test: NullTest | Refused) -> tuple[Cell, ...]:
    if isinstance(test, Refused):
        return _refused(Cell(name), test.reason, 3)
    return (
        Cell(name, note="" if test.draws else "primary; a basket chosen in hindsight has alpha by its choice"),
        Cell(percent(test.observed)),
        Cell(percent(test.median), note=f"of {test.draws}") if test.draws else Cell(DASH, note="a regression"),
        Cell(number(test.p, 3), note=f"at least {number(test.least, 3)}" if test.least else f"{test.n} returns"),
        Cell(number(test.adjusted, 3) if test.adjusted is not None else "not registered"),
    )


def _influence(books: Mapping[str, Remainder | Refused]) -> Table:
    texts = ("Return", "Without its best name", "Without its best quarter", "Without best 3 sessions", "Largest share")
    columns = (Column("Book"), *(Column(text, True) for text in texts))
    return Table(
        "What the return rests on", columns, (Rows(tuple(_remainder(name, remainder) for name, remainder in books.items())),)
    )


def _remainder(name: str, remainder: Remainder | Refused) -> tuple[Cell, ...]:
    if isinstance(remainder, Refused):
        return _refused(Cell(name), remainder.reason, 4)
    (ticker, without_name), (quarter, without_quarter) = _first(remainder.without_name), _first(remainder.without_quarter)
    largest, share = _first(remainder.profit_share) if remainder.profit_share else ("", None)
    return (
        Cell(name),
        Cell(percent(remainder.total_return)),
        Cell(percent(without_name), note=ticker),
        Cell(percent(without_quarter), note=quarter),
        Cell(percent(remainder.without_best_days)),
        Cell("no profit") if share is None else Cell(percent(share, sign=False), note=largest),
    )


def _first(values: Mapping[str, float]) -> tuple[str, float]:
    return next(iter(values.items()))


def _leak_budget(books: Mapping[str, Mapping[str, LeakResult]]) -> Table:
    columns = (
        Column("Figures used"), Column("Return", True), Column("Bought", True), Column("Sharpe", True), Column("Bought", True),
    )  # fmt: skip
    groups = tuple(Rows(tuple(_leak(way, leak) for way, leak in ways.items()), title=name) for name, ways in books.items())
    return Table("Leak budget: what using figures earlier or later would have bought", columns, groups)


def _leak(way: str, leak: LeakResult) -> tuple[Cell, ...]:
    returns = (percent(value) for value in (leak.total_return, leak.total_return_bought))
    ratios = (number(value, 2) for value in (leak.sharpe, leak.sharpe_bought))
    return (Cell(way), *(Cell(text) for text in returns), *(Cell(text) for text in ratios))


def _factors(books: Mapping[str, FactorFit | Refused]) -> Table:
    fits = [fit for fit in books.values() if isinstance(fit, FactorFit)]
    names = list(dict.fromkeys(name for fit in fits for name in fit.loadings))
    columns = (Column("Book"), Column("Alpha a year", True), *(Column(name, True, term="Loading") for name in names))
    rows = tuple(_fit(book, fit, names) for book, fit in books.items())
    return Table(f"What {', '.join(names)} leave unexplained, with 95% intervals", columns, (Rows(rows),))


def _fit(book: str, fit: FactorFit | Refused, names: Sequence[str]) -> tuple[Cell, ...]:
    if isinstance(fit, Refused):
        return _refused(Cell(plain(book)), fit.reason, len(names))
    loadings = (_interval(fit.loadings.get(name), number) for name in names)
    span = f"n = {fit.n}, {fit.first} to {fit.last}"
    return (Cell(plain(book), note=span), _interval(fit.alpha, percent), *loadings)


def _events(studies: Mapping[str, AnnouncementStudy | Refused]) -> Table:
    columns = (
        Column("Announcement and market"), Column("Events", True), Column("Abnormal return", True), Column("t", True),
        Column("p, two-sided, Kolari–Pynnönen", True), Column("p, two-sided, random dates", True),
    )  # fmt: skip
    rows = tuple(_event(name, study) for name, study in studies.items())
    return Table("Returns on the first session that could react to an announcement", columns, (Rows(rows),))


def _event(name: str, study: AnnouncementStudy | Refused) -> tuple[Cell, ...]:
    if isinstance(study, Refused):
        return _refused(Cell(name), study.reason, 4)
    return (
        Cell(name, note=f"{len(study.books)} books" if len(study.books) > 1 else plain(study.books[0])),
        Cell(str(len(study.events)), note=f"{study.dropped} unusable"),
        Cell(percent(study.abnormal, 2)),
        Cell(number(study.t)),
        Cell(number(study.p, 3)),
        Cell(number(study.p_random, 3), note=f"at least {number(study.least, 4)}"),
    )


def _leads(leads: Mapping[str, Lead | Refused]) -> Table:
    columns = (
        Column("Leader"), Column("Quarters", True), Column("Correlation", True), Column("p, two-sided, rotations", True),
        Column("Slope (indicative)", True),
    )  # fmt: skip
    caption = "Does it lead the suppliers' revenue by one quarter? Growth over the quarter before; one lag, fixed in advance"
    return Table(caption, columns, (Rows(tuple(_lead(name, lead) for name, lead in leads.items())),))


def _lead(name: str, lead: Lead | Refused) -> tuple[Cell, ...]:
    if isinstance(lead, Refused):
        return (Cell(name), Cell(str(lead.n), note=lead.reason), *(Cell(DASH) for _ in range(3)))
    return (
        Cell(name, note=f"{lead.quarters[0]} to {lead.quarters[1]}"),
        Cell(str(lead.n)),
        Cell(number(lead.correlation)),
        Cell(number(lead.p, 3), note=f"at least {number(lead.least, 3)}"),
        _interval(lead.slope, number),
    )


def _slopes(slopes: SupplierSlopes | Refused, names: Names) -> Block:
    if isinstance(slopes, Refused):
        return Text(f"Suppliers' slopes on CapEx are not given: {slopes.reason}.", "small")
    columns = (
        Column("Supplier"), Column("Own slope ± error", True), Column("Pooled slope", True), Column("Shrinkage", True),
        Column("Above zero", True),
    )  # fmt: skip
    pooled = slopes.pooled
    lines = {name_of(names, ticker): (slope, ticker) for ticker, slope in pooled.slopes.items()} | {"All": (pooled.mean, "")}
    rows = tuple(
        (
            Cell(name, note=note),
            Cell(f"{number(slope.estimate)} ± {number(slope.error)}"),
            Cell(number(slope.mean), note=f"{number(slope.lower)} to {number(slope.upper)}"),
            Cell(percent(slope.shrinkage, 0, sign=False) if note else DASH),
            Cell(percent(slope.positive, 0, sign=False)),
        )
        for name, (slope, note) in lines.items()
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
    rows = tuple(_basket(name, basket, [span.name for span in spans]) for name, basket in books.items())
    caption = (
        "Two states of each basket's return in excess of its declared benchmark (Hamilton 1989). Smoothed: every session is "
        "read, later ones too; a description, never a signal"
    )
    yield Table(caption, columns, (Rows(rows),))
    sound = {name: basket.probability for name, basket in books.items() if isinstance(basket, BasketStates) and _sound(basket)}
    if sound:
        yield audit_charts.probability("luck-states", sound, result.windows)
    else:
        yield Text(
            "No picture: for no basket do two states describe the returns better than one, with a fit that holds.", "small"
        )


def _sound(basket: BasketStates) -> bool:
    return not basket.warnings and basket.bic_gain > 0


def _basket(name: str, basket: BasketStates | Refused, spans: Sequence[str]) -> tuple[Cell, ...]:
    if isinstance(basket, Refused):
        return _refused(Cell(plain(name)), basket.reason, 2 + len(spans))
    doubt = "; ".join(basket.warnings) or ("one state is as good" if basket.bic_gain <= 0 else "")
    shares = (percent(basket.windows[span], 0, sign=False) for span in spans)
    gain = Cell(number(basket.bic_gain, 1), note=doubt)
    return (Cell(plain(name)), _state(basket.high), _state(basket.low), gain, *(Cell(text) for text in shares))


def _state(state: State) -> Cell:
    text = f"{percent(state.mean, 2)} ± {percent(state.deviation, 1, sign=False)}"
    return Cell(text, note=f"lasts {number(state.duration, 0)}")


def _interval(interval: Interval | None, shown: Callable[[float], str]) -> Cell:
    return Cell(shown(interval.value), note=f"{shown(interval.lower)} to {shown(interval.upper)}") if interval else Cell(DASH)
