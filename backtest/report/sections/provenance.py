"""What the run says of itself, where its figures come from, and how to make the page again."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from backtest.claims.ledger import Finding
from backtest.facts import Fact
from backtest.formatting import counted, number
from backtest.report.components import Block, Bullets, Cell, Code, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import address_of, plain, unverified
from backtest.result import RunResult

ABSENT = {"end": "none: to the last session", "cost_bps": "none: the costs of each market's rules"}  # fields that may be None


def section(result: RunResult) -> Section:
    """Return notes, the spec and its ids, the sources and the command."""
    notes: Block = Bullets(result.notes) if result.notes else Text("The run has nothing to note.")
    parts = (
        Part("notes", "Notes of the run", (notes,)),
        Part("spec", "Specification", (_spec(result), _ids(result))),
        Part("sources", "Sources of the figures", _sources(result)),
        Part("figures", "Figures behind the claims", _figures(result)),
        Part("sweep", "Other settings", _sweep(result)),
    )
    fold = Fold("Notes, specification, ids, sources and other settings", parts)
    return Section("provenance", "To run it again", (*_again(result), fold))


def _spec(result: RunResult) -> Table:
    values = result.spec.as_dict()
    rows = tuple((Cell(name), Cell(ABSENT[name] if value is None else _in_words(value))) for name, value in values.items())
    return Table("The values that define the run", (Column("Field"), Column("Value")), (Rows(rows),))


def _in_words(value: object) -> str:
    """Return a value of the spec in words: a signal or weighting is its name and fields."""
    if isinstance(value, Mapping):
        fields = ", ".join(f"{name} = {_in_words(part)}" for name, part in value.items() if name != "type")
        return f"{value.get('type', '')}({fields})"
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(part) for part in value) or "none"
    return "none" if value is None else str(value)


def _ids(result: RunResult) -> Table:
    ids = {
        "spec_id": result.spec_id,
        "data_id": result.data_id,
        "code_id": result.code_id,
        "price source": result.prices.source,
        "price adjustment": result.prices.adjustment,
    }
    rows = tuple((Cell(name), Cell(value)) for name, value in ids.items())
    return Table("What identifies its inputs: equal ids, equal page", (Column("Field"), Column("Value")), (Rows(rows),))


def _sources(result: RunResult) -> tuple[Block, ...]:
    """Return each source once with the number of figures that rest on it, those unverified first."""
    cited: dict[str, int] = {}
    for source in _cited(result):
        cited[source] = cited.get(source, 0) + 1
    if not cited:
        return (Text("The run reads prices only, no published figure."),)
    ordered = sorted(cited, key=lambda source: (not unverified(source), -cited[source], source))
    rows = tuple(
        (Cell(source, mark="not verified" if unverified(source) else "", href=address_of(source)), Cell(f"{cited[source]:,}"))
        for source in ordered
    )
    columns = (Column("Source"), Column("Figures", True))
    table = Table("Sources of the figures the signals read, each figure counted once", columns, (Rows(rows),))
    return (Fold(f"{counted(len(rows), 'source')} of {counted(sum(cited.values()), 'figure')}", (table,)),)


def _cited(result: RunResult) -> Iterator[str]:
    """Yield the source of every different figure among the inputs."""
    seen = set()
    for quarters in result.signals.values():
        for reading in quarters.values():
            for fact in reading.inputs:
                if _key(fact) not in seen:
                    seen.add(_key(fact))
                    yield fact.source


def _key(fact: Fact) -> tuple[str, ...]:
    return fact.entity, fact.metric, fact.period, fact.published


def _sweep(result: RunResult) -> tuple[Block, ...]:
    text = (
        "This page is one setting. A sweep runs every setting of a grid under the same rules and says what the best is worth: "
        "Deflated Sharpe Ratio, probability of overfitting, superior ability, with N from the ledger of all settings tried. "
        "Without --grid it tries rhythms, lags and slippages, which every strategy has; a grid of its own is a TOML file."
    )
    words = shlex.split(result.command)
    if words[:1] != ["capex-backtest"]:
        return (Text(text, "small"),)
    sources = [word for at, word in enumerate(words) if {"--prices", "--facts", "--thesis"} & {*words[at - 1 : at + 1]}]
    command = result.command if words[1] == "sweep" else shlex.join([words[0], "sweep", words[2], *sources])
    return Text(text, "small"), Code(command)


def _figures(result: RunResult) -> tuple[Block, ...]:
    table = _inputs(result.claims)
    return (Fold(f"All {counted(len(table.groups[0].rows), 'figure')}", (table,)),)


def _again(result: RunResult) -> tuple[Block, ...]:
    text = (
        "Paths are as they were typed, relative to the folder that the run was started in. Prices and figures of a store or of "
        "its snapshot are those of the store on this machine. Equal ids, below, mean that the run is the same."
    )
    return Code(result.command), Text(text, "small")


def _inputs(findings: Sequence[Finding]) -> Table:
    """Return every figure that some claim was measured from, once, with the claims it speaks to."""
    cited: dict[tuple[str, ...], list[str]] = {}
    facts: dict[tuple[str, ...], Fact] = {}
    for finding in findings:
        for fact in finding.inputs:
            key = _key(fact)
            facts[key] = fact
            if finding.claim.id not in cited.setdefault(key, []):
                cited[key].append(finding.claim.id)
    columns = (
        Column("Figure"), Column("Stated", True), Column("Unit"), Column("Known at"), Column("Source", prose=True),
        Column("Claims", prose=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(f"{fact.entity} {plain(fact.metric)} {fact.period}"),
            Cell(number(fact.value, 0 if abs(fact.value) >= 1000 else 3)),
            Cell(plain(fact.unit)),
            Cell(fact.published),
            Cell(fact.source, href=address_of(fact.source), note=f"{fact.evidence}, {fact.confidence} confidence"),
            Cell(", ".join(cited[key])),
        )
        for key, fact in facts.items()
    )
    return Table("Every figure behind the claims, as known at the end of the run", columns, (Rows(rows),))
