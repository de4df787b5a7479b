"""How much of it is luck: what the audit found, in tables, and what it did not ask."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from backtest.report.charts import audit_charts
from backtest.report.components import Block, Bullets, Cell, Code, Column, Rows, Section, Table, Text
from backtest.report.formatting import DASH, Names, known, name_of, number, percent, plain, regimes
from backtest.report.sections.outcome import audit_command
from backtest.runs import RunResult


def section(result: RunResult) -> Section:
    """Return the audit's tables, or the command that makes them."""
    if result.audit is None:
        command = audit_command(result)
        return Section("luck", "Luck", (Text("The audit was not run."), *((Code(command),) if command else ())))
    found = result.audit
    blocks: list[Block] = [
        Text(str(found["verdict"]), "lead"),
        Text(
            f"{found['replay']['decisions']} decisions were taken again with everything later hidden: none moved. A planted "
            f"signal that reads tomorrow was caught: {found['replay']['canary']}."
        ),
    ]
    blocks += [_regimes(found)] if "regimes" in found else []
    blocks += [_nulls(found["nulls"])] if "nulls" in found else []
    blocks += [_rests(found["influence"])] if "influence" in found else []
    blocks += [_factors(found["factors"])] if "factors" in found else []
    blocks += [_leaks(found["leak_budget"])] if "leak_budget" in found else []
    blocks += [_events(found["events"])] if "events" in found else []
    blocks += [_led(found["lead_lag"])] if "lead_lag" in found else []
    blocks += _slopes(found["slopes"], result.names) if "slopes" in found else []
    blocks += list(_states(result, found["states"])) if "states" in found else []
    if found["not_run"]:
        blocks.append(Bullets(tuple(f"Not run: {name} ({reason})." for name, reason in found["not_run"].items())))
    return Section("luck", "Luck", tuple(blocks))


def _regimes(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("Regime"), Column("n", True), Column("Sharpe ± error", True), Column("Best of noise", True),
        Column("Rank", True), Column("Verdict", prose=True),
    )  # fmt: skip
    groups = tuple(
        Rows(tuple(_regime(name, one) for name, one in book.items()), title=title) for title, book in found["regimes"].items()
    )
    return Table(f"Regimes against luck (windows fixed in windows.toml, {found['windows_id']})", columns, groups)


def _regime(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if one["verdict"] is None:
        return (Cell(name), Cell(str(one["n"])), Cell(DASH), Cell(DASH), Cell(DASH), Cell("not judged", note=one["because"]))
    return (
        Cell(name),
        Cell(str(one["n"])),
        Cell(f"{number(one['sharpe'], 2)} ± {number(one['error'], 2)}"),
        Cell(number(one["expected_best"], 2), note=f"of {one['trials']}"),
        Cell(f"{one['rank']} of {one['windows']}", note=one["note"].split("; ")[1], last=one["last"]),
        Cell(one["verdict"], note=one["because"]),
    )


def _nulls(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("Null"), Column("Growth a year", True), Column("Middle draw", True), Column("p", True), Column("p, Holm", True),
    )  # fmt: skip
    counted = f"Holm over {found['primary']} primary ones (factors) and {found['registered'] - found['primary']} others"
    title = f"Null suite: log growth a year before costs (factors: alpha); {counted} ({found['hypotheses_id']})"
    return Table(title, columns, (Rows(tuple(_null(name, one) for name, one in found["tests"].items())),))


def _null(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if one["p"] is None:
        return (Cell(name), Cell(DASH, note=one["because"]), *(Cell(DASH) for _ in range(3)))
    return (
        Cell(name, note="" if one["draws"] else "primary; a basket chosen in hindsight has alpha by its choice"),
        Cell(percent(one["observed"])),
        Cell(percent(one["median"]), note=f"of {one['draws']}") if one["draws"] else Cell(DASH, note="a regression"),
        Cell(number(one["p"], 3), note=f"at least {number(one['floor'], 3)}" if one["floor"] else f"{one['n']} returns"),
        Cell(number(one["adjusted"], 3) if one["adjusted"] is not None else "not registered"),
    )


def _rests(books: Mapping[str, Any]) -> Table:
    columns = tuple(
        Column(text, place > 0)
        for place, text in enumerate(
            ("Book", "Return", "Without its best name", "Without its best quarter", "Without best 3 sessions", "Largest share")
        )
    )
    return Table("What the return rests on", columns, (Rows(tuple(_rest(name, one) for name, one in books.items())),))


def _rest(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if "refused" in one:
        return (Cell(name), Cell(DASH, note=one["refused"]), *(Cell(DASH) for _ in range(4)))
    (ticker, left), (quarter, rest) = next(iter(one["without_name"].items())), next(iter(one["without_quarter"].items()))
    largest = next(iter(one["profit_share"].items())) if one["profit_share"] else None
    return (
        Cell(name),
        Cell(percent(one["total_return"])),
        Cell(percent(left), note=ticker),
        Cell(percent(rest), note=quarter),
        Cell(percent(one["without_best_days"])),
        Cell(percent(largest[1], sign=False), note=largest[0]) if largest else Cell("no profit"),
    )


def _leaks(books: Mapping[str, Any]) -> Table:
    columns = (
        Column("Figures used"), Column("Return", True), Column("Bought", True), Column("Sharpe", True), Column("Bought", True),
    )  # fmt: skip
    groups = tuple(Rows(tuple(_leak(way, one) for way, one in book.items()), title=name) for name, book in books.items())
    return Table("Leak budget: what using figures earlier or later would have bought", columns, groups)


def _leak(way: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    returns = (percent(one[name]) if known(one[name]) else DASH for name in ("total_return", "total_return_bought"))
    ratios = (number(one[name], 2) if known(one[name]) else DASH for name in ("sharpe", "sharpe_bought"))
    return (Cell(way), *(Cell(text) for text in returns), *(Cell(text) for text in ratios))


def _factors(books: Mapping[str, Any]) -> Table:
    names = list(dict.fromkeys(name for one in books.values() for name in one.get("loadings", {})))
    columns = (Column("Book"), Column("Alpha a year", True), *(Column(name, True, term="Loading") for name in names))
    rows = []
    for book, one in books.items():
        if "because" in one:
            rows.append((Cell(plain(book)), Cell(DASH, note=one["because"]), *(Cell(DASH) for _ in names)))
            continue
        loadings = (_interval(one["loadings"].get(name), number) for name in names)
        span = f"n = {one['n']}, {one['first']} to {one['last']}"
        rows.append((Cell(plain(book), note=span), _interval(one["alpha"], percent), *loadings))
    return Table("What market, sector, NVIDIA and currency leave unexplained, with 95% intervals", columns, (Rows(tuple(rows)),))


def _events(studies: Mapping[str, Any]) -> Table:
    columns = (
        Column("Announcement and market"), Column("Events", True), Column("Abnormal return", True), Column("t", True),
        Column("p, Kolari–Pynnönen", True), Column("p, random dates", True),
    )  # fmt: skip
    rows = tuple(_event(name, one) for name, one in studies.items())
    return Table("Returns on the first session that could react to an announcement", columns, (Rows(rows),))


def _event(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if "because" in one:
        return (Cell(name), Cell(DASH, note=one["because"]), *(Cell(DASH) for _ in range(4)))
    return (
        Cell(name, note=f"{len(one['books'])} books" if len(one["books"]) > 1 else plain(one["books"][0])),
        Cell(str(len(one["events"])), note=f"{one['dropped']} unusable"),
        Cell(percent(one["abnormal"], 2)),
        Cell(number(one["t"])),
        Cell(number(one["p"], 3)),
        Cell(number(one["p_random"], 3), note=f"at least {number(one['floor'], 4)}"),
    )


def _led(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("Leader"), Column("Quarters", True), Column("Correlation", True), Column("p, rotations", True),
        Column("Slope (indicative)", True),
    )  # fmt: skip
    rows = []
    for name, one in found.items():
        if "because" in one:
            rows.append((Cell(name), Cell(str(one["n"]), note=one["because"]), *(Cell(DASH) for _ in range(3))))
            continue
        rows.append(
            (
                Cell(name, note=f"{one['quarters'][0]} to {one['quarters'][1]}"),
                Cell(str(one["n"])),
                Cell(number(one["correlation"])),
                Cell(number(one["p"], 3), note=f"at least {number(one['floor'], 3)}"),
                _interval(one["slope"], number),
            )
        )
    caption = "Does it lead the suppliers' revenue by one quarter? Growth over the quarter before; one lag, fixed in advance"
    return Table(caption, columns, (Rows(tuple(rows)),))


def _slopes(found: Mapping[str, Any], names: Names) -> list[Block]:
    if "because" in found:
        return [Text(f"Suppliers' slopes on CapEx are not given: {found['because']}.", "small")]
    columns = (
        Column("Supplier"), Column("Own slope ± error", True), Column("Pooled slope", True), Column("Shrinkage", True),
        Column("Above zero", True),
    )  # fmt: skip
    lines = {name_of(names, ticker): (one, ticker) for ticker, one in found["slopes"].items()} | {"All": (found["mean"], "")}
    rows = tuple(
        (
            Cell(name, note=note),
            Cell(f"{number(one['estimate'])} ± {number(one['error'])}"),
            Cell(number(one["mean"]), note=f"{number(one['lower'])} to {number(one['upper'])}"),
            Cell(percent(one["shrinkage"], 0, sign=False) if note else DASH),
            Cell(percent(one["positive"], 0, sign=False)),
        )
        for name, (one, note) in lines.items()
    )
    caption = (
        f"Revenue growth per CapEx growth in the same quarter, {found['quarters'][0]} to {found['quarters'][1]} (n = "
        f"{found['n']} quarters for all suppliers together; indicative). Prior: {found['prior']}"
    )
    return [Table(caption, columns, (Rows(rows),))]


def _states(result: RunResult, books: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the two states' table, and the probability through time of the baskets whose fit can be relied on."""
    spans = regimes(result.windows)
    columns = (
        Column("Basket"), Column("Better state", True), Column("Worse state", True), Column("Gain over one state", True),
        *(Column(span.name, True, term="Probability of the better state") for span in spans),
    )  # fmt: skip
    rows = tuple(_state(name, one, [span.name for span in spans]) for name, one in books.items())
    caption = (
        "Two states of each basket's return in excess of its benchmarks (Hamilton 1989). Smoothed: every session is read, later "
        "ones too; a description, never a signal"
    )
    yield Table(caption, columns, (Rows(rows),))
    sound = {name: one["probability"] for name, one in books.items() if _sound(one)}
    if sound:
        yield audit_charts.probability("luck-states", sound, result.windows)
    else:
        yield Text(
            "No picture: for no basket do two states describe the returns better than one, with a fit that holds.", "small"
        )


def _sound(one: Mapping[str, Any]) -> bool:
    return "because" not in one and not one["warnings"] and one["bic_gain"] > 0


def _state(name: str, one: Mapping[str, Any], spans: Sequence[str]) -> tuple[Cell, ...]:
    if "because" in one:
        return (Cell(plain(name)), Cell(DASH, note=one["because"]), *(Cell(DASH) for _ in range(2 + len(spans))))
    high, low = (
        Cell(
            f"{percent(part['mean'], 2)} ± {percent(part['deviation'], 1, sign=False)}",
            note=f"lasts {number(part['duration'], 0)}",
        )
        for part in (one["high"], one["low"])
    )
    doubt = "; ".join(one["warnings"]) or ("one state is as good" if one["bic_gain"] <= 0 else "")
    shares = (percent(one["windows"][span], 0, sign=False) for span in spans)
    return (Cell(plain(name)), high, low, Cell(number(one["bic_gain"], 1), note=doubt), *(Cell(text) for text in shares))


def _interval(one: Mapping[str, float] | None, said: Callable[[float], str]) -> Cell:
    return Cell(said(one["value"]), note=f"{said(one['lower'])} to {said(one['upper'])}") if one else Cell(DASH)
