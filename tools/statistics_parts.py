"""Parts of the documents on statistics: what each file asks and by whose method, and its size and power as measured."""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from markdown_tables import code, gives, prose, table

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "backtest" / "statistics").glob("[!_]*.py"))
SIZES = ROOT / "benchmarks" / "sizes.md"
FILE_OF = {  # the file that has a statistic of benchmarks/sizes.md, by the beginning of its name there
    "Sharpe: true": "uncertainty",
    "bootstrap:": "bootstrap",
    "drawdown": "bootstrap",
    "paired difference": "bootstrap",
    "regime:": "window_rank",
    "two states:": "markov_switching",
    "circular shift:": "lead_lag",
    "EWC regression": "hac",
    "alpha": "influence",
    "pooled mean slope": "partial_pooling",
    "events: Kolari": "events",
    "events: random dates": "events",
    "catalysts:": "named_events",
    "placebo baskets": "nulls",
    "Holm:": "nulls",
    "Deflated Sharpe": "overfitting",
    "mean PBO": "overfitting",
    "PBO at most": "overfitting",
    "SPA": "spa",
}
NOT_DONE = (  # rows that show what is not done here
    "Sharpe: outside 1.96 iid errors", "Newey–West", "the same, suppliers", "events: portfolios taken", "the same, means",
    "two states: the fit warns",
)  # fmt: skip
LONG_NAMES = {"the same, N distinct curves": "Deflated Sharpe of the best excess over a twin above 95%, N distinct curves"}


def sizes() -> str:
    """Return a row per statistic: its file, its promised rate of error, and size and power as measured."""
    measured: dict[str, dict[str, list[str]]] = {}
    for name, promised, rate in _rows():
        rates = measured.setdefault(name, {"promised": [], "size": [], "power": []})
        rates["size" if promised else "power"].append(rate)
        rates["promised"] += [promised] if promised else []
    lines = [
        (name, code(f"{_file(name)}.py"), _span(rates["promised"]), _span(rates["size"]), _span(rates["power"]))
        for name, rates in measured.items()
    ]
    return table(["statistic", "file", "promised rate of error", "size measured", "power measured"], lines)


def _rows() -> Iterator[tuple[str, str, str]]:
    """Yield statistic, promised and measured rate of the rows of sizes.md on what is done here."""
    body = SIZES.read_text(encoding="utf-8").split("\n## ")[0]
    for line in [line for line in body.splitlines() if line.startswith("| ") and not line.startswith("| statistic")]:
        name, _, promised, rate, _ = (cell.strip() for cell in line.strip("|").split("|"))
        if not name.startswith(NOT_DONE):
            yield LONG_NAMES.get(name, name), promised, rate


def _file(name: str) -> str:
    (file,) = [file for start, file in FILE_OF.items() if name.startswith(start)]
    return file


def _span(rates: list[str]) -> str:
    """Return the least and the most of some rates such as "4.1% ± 0.7%"."""
    numbers = sorted({float(rate.split("%")[0]) for rate in rates})
    if not numbers:
        return ""
    return f"{numbers[0]:.1f}%" if len(numbers) == 1 else f"{numbers[0]:.1f}–{numbers[-1]:.1f}%"


def statistics() -> str:
    """Return a section per file: what it asks and its source, then its public functions and classes."""
    return "\n".join(map(_section, FILES))


def _section(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]
    lines = [(code(node.name), gives(ast.get_docstring(node))) for node in public]
    return f"### {code(path.name)}\n\n{prose(ast.get_docstring(tree) or '')}\n{table(['name', 'gives'], lines)}"


PARTS: Mapping[str, Callable[[], str]] = {"sizes": sizes, "statistics": statistics}
