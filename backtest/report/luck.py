"""How much of it is luck: what the audit found, in tables, and what it did not ask."""

from collections.abc import Mapping
from typing import Any

from backtest.report.blocks import Block, Bullets, Cell, Code, Column, Rows, Section, Table, Text
from backtest.report.wording import known, number, percent
from backtest.run import RunResult


def section(result: RunResult) -> Section:
    """Return the audit's tables, or the command that makes them."""
    if result.audit is None:
        told = Text("The audit was not run.")
        return Section("luck", "Luck", (told, Code(f"python -m backtest run {result.spec['name']} --audit")))
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
    blocks += [_leaks(found["leak_budget"])] if "leak_budget" in found else []
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
    return Table(f"Regimes against luck (windows fixed in regimes.toml, {found['windows_id']})", columns, groups)


def _regime(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if one["verdict"] is None:
        return (Cell(name), Cell(str(one["n"])), Cell("–"), Cell("–"), Cell("–"), Cell("not judged", note=one["because"]))
    return (
        Cell(name),
        Cell(str(one["n"])),
        Cell(f"{number(one['sharpe'], 2)} ± {number(one['error'], 2)}"),
        Cell(number(one["expected_best"], 2), note=f"of {one['trials']}"),
        Cell(f"{one['rank']} of {one['windows']}", note=one["note"].split("; ")[1]),
        Cell(one["verdict"], note=one["because"]),
    )


def _nulls(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("Null"), Column("Growth a year", True), Column("Middle draw", True), Column("p", True), Column("p, Holm", True),
    )  # fmt: skip
    title = f"Null suite: log growth a year at a flat cost; Holm over {found['registered']} ({found['hypotheses_id']})"
    return Table(title, columns, (Rows(tuple(_null(name, one) for name, one in found["tests"].items())),))


def _null(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    if one["p"] is None:
        return (Cell(name), Cell("–", note=one["because"]), *(Cell("–") for _ in range(3)))
    return (
        Cell(name),
        Cell(percent(one["observed"])),
        Cell(percent(one["median"]), note=f"of {one['draws']}"),
        Cell(number(one["p"], 3), note=f"at least {number(one['floor'], 3)}"),
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
        return (Cell(name), Cell("–", note=one["refused"]), *(Cell("–") for _ in range(4)))
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
    returns = (percent(one[name]) if known(one[name]) else "–" for name in ("total_return", "total_return_bought"))
    ratios = (number(one[name], 2) if known(one[name]) else "–" for name in ("sharpe", "sharpe_bought"))
    return (Cell(way), *(Cell(text) for text in returns), *(Cell(text) for text in ratios))
