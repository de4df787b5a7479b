"""Parts of the documents that mirror code: spec, weightings, signals, strategies, grid, rows, rules, tables, results, words."""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from markdown_tables import code, first_sentence, gives, prose, table
from model_tables import default, kind, limits, model_section, parameters
from pydantic import BaseModel

import backtest
from backtest import facts, weights
from backtest.claims.rows import Claim
from backtest.data import overrides
from backtest.data.metrics import Metric, load_metrics
from backtest.data.sources import folder
from backtest.markets import Market, load_markets, rules
from backtest.markets.cash_rates import CashRate
from backtest.markets.currencies import Currency
from backtest.report.glossary import TERMS
from backtest.signals import load_signals
from backtest.strategy import StrategySpec, load_strategy
from backtest.sweeps.expectations import Expectation
from backtest.sweeps.grid import HEADINGS, MOST, MOST_EVER, OPERATORS
from backtest.thesis import demand_rows, load_thesis, rows
from backtest.universe import Basket, Benchmark, Comparison, Supplier

ROOT = Path(__file__).parents[1]
Schema = dict[str, Any]
MEANINGS = {  # of the fields of a spec; a field that is not here has no row, and the build of the page fails
    "name": "Its name: the folder of its report, and what commands call it by.",
    "title": "Its heading on pages; without one, its name.",
    "question": "What it is to answer, in a sentence.",
    "baskets": "What may be held: baskets of the thesis, or single tickers.",
    "together": "Whether all baskets are one book, whose `base` is then a currency; else each is a book of its own.",
    "signals": "The signals whose scores the weighting reads, in its order: frozen dataclasses, or plain functions of a panel.",
    "weights": "The rule from scores to target weights, see below; or a table of weights, date × ticker.",
    "rebalance": "When a decision is taken: at the close of the last session of each of these periods.",
    "lag": "How many sessions after the decision its orders are filled.",
    "fill": "The price at which they are filled.",
    "slippage_bps": "How much worse than that price, in basis points.",
    "slippage_range": "How much worse beyond that, as a fraction of the day's high less low.",
    "cost_bps": "One flat cost of every trade in basis points, in place of all market rules.",
    "capital": "Money at the start, in `base`.",
    "base": "The currency of the books; `local` is each basket's own.",
    "start": "The first day.",
    "end": "The last day; without one, the last session that has a price of every ticker; one declared ended is sold before.",
}
OPERATOR_WORDS = {
    "eq": "equal to",
    "ne": "not equal to",
    "lt": "below",
    "le": "at most",
    "gt": "above",
    "ge": "at least",
    "in": "one of a list",
}
HEADING_WORDS = {
    "most": f"The most settings that may remain, by default {MOST:,}, never above {MOST_EVER:,}.",
    "settings": "A table: a field and its values, as a list or as `{ from = 1, to = 5, step = 1 }`, both ends included.",
    "exclude": "Tables of conditions; a setting that meets every condition of one of them is left out.",
    "expect": "Tables of what is expected of the sweep, see below.",
}


def spec() -> str:
    """Return the fields of a strategy's spec."""
    given = StrategySpec.model_fields
    lines = [
        (
            code(name),
            MEANINGS[name],
            f"{kind(field.annotation)}{f', {bounds}' if (bounds := limits(field)) else ''}",
            default(field),
        )
        for name, field in given.items()
    ]
    return table(["field", "means", "type", "default"], lines)


def weightings() -> str:
    """Return the weightings with their parameters."""
    public = [row for name, row in vars(weights).items() if inspect.isclass(row) and not name.startswith("_")]
    ours = [row for row in public if row.__module__ == weights.__name__ and hasattr(row, "__dataclass_params__")]
    wanted = {0: "none", 1: "one"}
    lines = [
        (code(parameters(row)), " ".join((row.__doc__ or "").split()), wanted.get(getattr(row, "signals_wanted", None), ""))
        for row in ours
    ]
    return table(["weighting", "holds", "signals"], lines)


def signals() -> str:
    """Return the shipped signals of the first thesis with their weakest input."""
    lines = []
    for name, signal in load_signals(load_thesis()).items():
        text = " ".join((type(signal).__doc__ or "").split())
        weakest = re.search(r"Weakest input: (.*?)(?: Source:|$)", text)
        lines.append((code(name), first_sentence(text), weakest[1] if weakest else ""))
    return table(["signal", "measures", "weakest input"], lines)


def strategies() -> str:
    """Return the strategies of the first thesis: what each asks, of which signals and by which weighting."""
    specs = [load_strategy(path) for path in sorted((ROOT / "strategies").glob("*.py"))]
    lines = [
        (
            code(row.name),
            row.question,
            ", ".join(code(type(signal).__name__) for signal in row.signals),
            code(repr(row.weights)),
        )
        for row in specs
    ]
    return table(["strategy", "asks", "signals", "weighting"], lines)


def grid() -> str:
    """Return the headings of a grid's file."""
    return table(["heading", "means"], [(code(name), HEADING_WORDS[name]) for name in HEADINGS])


def operators() -> str:
    """Return the operators of a grid's conditions."""
    return table(["operator", "a value is"], [(code(name), OPERATOR_WORDS[name]) for name in OPERATORS])


def expectation() -> str:
    """Return the fields of what a grid expects."""
    return model_section("### [[expect]]", Expectation)


KINDS_OF_ROWS: Mapping[str, type] = {
    "`thesis.toml`, `[thesis]`": rows.Header,
    "`suppliers.toml`, `[[supplier]]`": Supplier,
    "`baskets.toml`, `[[basket]]`": Basket,
    "`baskets.toml`, a fund in `benchmarks`": Comparison,
    "`benchmarks.toml`, `[[benchmark]]`": Benchmark,
    "`roles.toml`, `[[role]]`": rows.Role,
    "`windows.toml`, `[[window]]`": rows.NamedWindow,
    "`claims.toml`, `[[claim]]`": Claim,
    "`loadings.toml`, `[[loading]]`": rows.Loading,
    "`hypotheses.toml`, `[[hypothesis]]`": rows.Hypothesis,
    "`factors.toml`, `[[factor]]`": rows.Factor,
    "`levels.toml`, `[[level]]`": rows.Level,
    "`one_offs.toml`, `[[one_off]]`": rows.OneOff,
    "`pages.toml`, `[figures]`": rows.Figures,
    "`pages.toml`, `[chain]`": rows.Chain,
    "`pages.toml`, `[[shift]]`": rows.Shift,
    "`pages.toml`, `[[measure]]`": rows.Measure,
    "`demand.toml`, `[[topology]]`": demand_rows.Topology,
    "`demand.toml`, `[[sold]]`": demand_rows.Sold,
    "`demand.toml`, a range": demand_rows.RangeRef,
    "`metrics.toml`, `[[metric]]`": Metric,
    "`cash_rates.toml`, `[[cash_rate]]`": CashRate,
    "`markets/CODE.toml`, `[market]`": Market,
    "`markets/CODE.toml`, `[[board]]`": rules.Board,
    "`markets/CODE.toml`, `[[rule]]`": rules.Rule,
    "`markets/currencies.toml`, `[[currency]]`": Currency,
}


def thesis_rows() -> str:
    """Return a section per kind of row that a thesis's folder may have."""
    return "\n".join(model_section(f"### {where}", model) for where, model in KINDS_OF_ROWS.items())


def decision_rows() -> str:
    """Return a section per kind of row of decisions.toml."""
    return "\n".join(model_section(f"### `[[{name}]]`", model) for name, model in overrides.KINDS.items())


def rule_names() -> str:
    """Return what each rule of a market means, as the module of the rules says it."""
    stated = re.findall(r"^(\S.*?\S)  +(\S.*(?:\n {10,}\S.*)*)$", rules.__doc__ or "", re.MULTILINE)
    return table(["rule", "means"], [(", ".join(code(name) for name in names.split(", ")), text) for names, text in stated])


def rule_rows() -> str:
    """Return a section per market: every dated rule with its source."""
    head = ["board", "rule", "side", "value", "from", "until", "confidence", "source"]
    return "\n".join(
        f"### {code(market.code)}: {market.name}\n\n{table(head, map(_rule, market.rules))}" for market in load_markets().values()
    )


def _rule(rule: rules.Rule) -> tuple[str, ...]:
    above = f" (prices from {rule.above:g} on)" if rule.above else ""
    days = (f"{rule.since}", f"{rule.until}" if rule.until else "")
    return rule.board, code(rule.rule), rule.side or "", f"{rule.value:g}{above}", *days, rule.confidence, rule.source


def metrics() -> str:
    """Return the metrics that figures may be of."""
    lines = [
        (
            code(row.name),
            row.label,
            ", ".join(row.units),
            row.sign,
            ", ".join(row.periods),
            ", ".join(map(code, row.also)),
        )
        for row in load_metrics().values()
    ]
    return table(["metric", "measures", "units", "sign", "periods", "also called"], lines)


def figure_columns() -> str:
    """Return the columns of a table of figures, as the module of the figures says them."""
    names = "|".join(facts.COLUMNS)
    stated = re.findall(rf"^ +((?:{names})(?:, (?:{names}))*) +(\S.*)$", facts.__doc__ or "", re.MULTILINE)
    return table(["column", "means"], [(", ".join(map(code, columns.split(", "))), text) for columns, text in stated])


def other_columns() -> str:
    """Return the columns of every other table."""
    kinds = {
        "prices, `TICKER.csv`": folder.COLUMNS,
        "accelerators": facts.ACCELERATOR_COLUMNS,
        "events": facts.EVENT_COLUMNS,
        "ranges": facts.RANGE_COLUMNS,
    }
    return table(["table", "columns"], [(name, ", ".join(map(code, columns))) for name, columns in kinds.items()])


def result_fields() -> str:
    """Return every field of result.json of a run."""
    return _fields("result.schema.json")


def sweep_fields() -> str:
    """Return every field of result.json of a sweep."""
    return _fields("sweep.schema.json")


def _fields(name: str) -> str:
    """Return a section per object of a schema: the document itself, then its definitions."""
    schema = json.loads((ROOT / "backtest" / "output" / name).read_text(encoding="utf-8"))
    sections = [_section("The document", schema), *(_section(key, part) for key, part in schema["$defs"].items())]
    return "\n".join(sections)


def _section(heading: str, part: Schema) -> str:
    lines = [*_rows_of(part, "")]
    body = table(["field", "type", "means"], lines) if lines else f"{_type(part)}.\n"
    return "\n\n".join([f"### {heading}", *([prose(part["description"]).strip()] if "description" in part else []), body])


def _rows_of(part: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield every field of an object and of the objects in it: its path, type and meaning; "NAME" stands for any name."""
    for name, field in _fields_of(part):
        here = f"{path}.{name}" if path else name
        yield code(here), _type(field), field.get("description", "")
        inner = field.get("items", field) if field.get("type") == "array" else field
        yield from _rows_of(inner, f"{here}[]" if inner is not field else here)


def _fields_of(part: Schema) -> Iterator[tuple[str, Schema]]:
    alternatives = [row for how in ("oneOf", "anyOf") for row in part.get(how, ()) if "$ref" not in row]
    for row in (part, *alternatives):
        yield from row.get("properties", {}).items()
        if isinstance(rest := row.get("additionalProperties"), dict):
            yield "NAME", rest


def _type(field: Schema) -> str:
    """Return the type of a field in words, with links to the sections of the objects that it is."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name})"
    if "const" in field:
        return code(field["const"])
    if "enum" in field:
        return ", ".join(code(value) for value in field["enum"])
    if alternatives := field.get("oneOf") or field.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_type, alternatives)))
    kinds = field.get("type", "any")
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    return f"{words} of {_type(field['items'])}" if "items" in field and "array" in words else words


def vocabulary() -> str:
    """Return the words of the field and of this project, which DESIGN.md fixes."""
    design = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
    return design.split("## Vocabulary\n")[1].split("\n## ")[0]


def glossary() -> str:
    """Return every term of the pages with its unit and its definition."""
    terms = sorted(TERMS.items(), key=lambda item: item[0].lower())
    return table(["figure", "unit", "meaning"], [(name, term.unit, term.text) for name, term in terms])


def api() -> str:
    """Return the names of `import backtest` for autodoc: a line each, and its directive."""
    sections = []
    for name in backtest.__all__:
        value = getattr(backtest, name)
        if inspect.ismodule(value):
            sections.append(_module_section(name, value))
            continue
        kind = "autoclass" if inspect.isclass(value) else "autofunction"
        members = "   :members:\n" if kind == "autoclass" and not issubclass(value, BaseModel) else ""
        home = f"{value.__module__}.{value.__name__}" if kind == "autoclass" else f"backtest.{name}"
        sections.append(f"### {name}\n\n```{{eval-rst}}\n.. {kind}:: {home}\n{members}```\n")
    return "\n".join(sections)


def _module_section(name: str, module: ModuleType) -> str:
    """Return a section on a module: what it is, and the functions and classes that it defines."""
    public = [(key, value) for key, value in vars(module).items() if not key.startswith("_")]
    own = [(key, value) for key, value in public if getattr(value, "__module__", "") == module.__name__ and value.__doc__]
    lines = [(code(key), gives(value.__doc__)) for key, value in own]
    return f"### {name}\n\n{first_sentence(module.__doc__)}\n\n{table([f'`bt.{name}`', 'gives'], lines)}"


def market_example() -> str:
    """Return the market that the tests add, as the file that a user writes."""
    text = (ROOT / "tests" / "markets" / "XHKG.toml").read_text(encoding="utf-8")
    return f"`markets/XHKG.toml`\n```toml\n{text}```\n"


def ci_example() -> str:
    """Return the workflow that a repository of one's own copies."""
    text = (ROOT / "examples" / "ci" / ".github" / "workflows" / "sweep.yml").read_text(encoding="utf-8")
    return f"`.github/workflows/sweep.yml`\n```yaml\n{text}```\n"


PARTS: Mapping[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        spec, weightings, signals, strategies, grid, operators, expectation, thesis_rows, decision_rows, rule_names, rule_rows,
        metrics, figure_columns, other_columns, result_fields, sweep_fields, vocabulary, glossary,
        market_example, ci_example, api,
    )
}  # fmt: skip
