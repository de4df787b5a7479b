"""One self-contained HTML page per strategy, from a RunResult and nothing else, and the front page over them."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backtest.report import comparison, front, front_board, glossary
from backtest.report.charts import colours
from backtest.report.components import Above, Section, chapter
from backtest.report.documents import strategy_document
from backtest.report.sections import (
    attribution,
    books,
    catalysts,
    claims,
    demand,
    holdings,
    luck,
    outcome,
    provenance,
    risk,
    shifts,
    signals,
    thesis,
    timeline,
    trades,
    why,
)
from backtest.result import RunResult
from backtest.sweeps.results import SweepSummary

FOLDER = Path(__file__).parent / "templates"
STYLES, SCRIPTS = ("style.css", "tear.css", "charts.css"), ("page.js", "charts.js")
FRONT, SWEEP = Above("../index.html", "All strategies"), Above("../../index.html", "The sweep")
# The page, top to bottom: chapters of sections. A section is a file with a function `section(result)`, named where it stands;
# one that the thesis has no rows for is None. A chapter without a title is its only section, under that section's title.
CHAPTERS: tuple[tuple[str, str, tuple[Callable[[RunResult], Section | None], ...]], ...] = (
    ("outcome", "", (outcome.section,)),
    ("moved", "What moved prices", (why.section, catalysts.section, demand.section)),
    ("thesis", "", (thesis.section,)),
    ("claims", "", (claims.section,)),
    ("trends", "Shifts and signals", (shifts.section, signals.section)),
    ("returns", "Returns", (books.section, attribution.section)),
    ("risk", "", (risk.section,)),
    ("positions", "Positions and orders", (holdings.section, trades.section)),
    ("luck", "", (luck.section,)),
    ("data", "Data and reproduction", (timeline.section, provenance.section)),
)


def render(result: RunResult, above: Above = FRONT) -> str:
    """Return the page of a run: one HTML document that asks for nothing else; `above` is where it hangs."""
    return page(result.spec.title, result.spec.question, above, sections_of(result), result.thesis.date)


def sections_of(result: RunResult) -> list[Section]:
    """Return the sections of a run's page, those of a chapter as its parts."""
    shown = []
    for anchor, title, makers in CHAPTERS:
        made = [section for maker in makers if (section := maker(result))]
        shown += [chapter(anchor, title, made)] if title and made else made
    return shown


def page(title: str, question: str, above: Above, sections: Sequence[Section], written: pd.Timestamp) -> str:
    """Return some sections as a page, with the definition of every figure at its end; `written` is the thesis's date."""
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            title=title,
            question=question,
            above=above,
            sections=glossary.added(sections),
            thesis_date=f"{written:%Y-%m-%d}",
        )
    )


def render_comparison(
    a: Mapping[str, object], b: Mapping[str, object], differences: Mapping[str, Sequence[Mapping[str, object]]]
) -> str:
    """Return a page on what differs between two results read back from result.json."""
    first, second = strategy_document(a), strategy_document(b)
    names = f"{differences['a']} (A) and {differences['b']} (B)"
    made = comparison.sections(first, second, differences)
    return page(
        f"{first.spec.title} against {second.spec.title}",
        names,
        Above("index.html", "All strategies"),
        made,
        pd.Timestamp(first.thesis.date),
    )


def render_index(documents: Sequence[Mapping[str, object]], sweeps: Sequence[SweepSummary] = ()) -> str:
    """Return the front page over results and sweeps read back from result.json; each links to its page."""
    results = [strategy_document(document) for document in documents]
    made = (front.section(results), front.overlay(results), front_board.claims(results)) if results else ()
    tables = [*(section for section in made if section), *([front.sweeps(sweeps)] if sweeps else [])]
    strategies = list(front.parts(results))
    shown = [*tables, *(Section(part.anchor, part.title, part.blocks) for _, part in strategies)]
    template = _templates().get_template("index.html.j2")
    return template.render(
        tables=tables,
        strategies=strategies,
        terms=glossary.section(shown) if shown else None,
        theses=front.theses(results),
        newest=list(front_board.newest(results)),
    )


@lru_cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    script = _read(*SCRIPTS)
    environment.globals["script"] = Markup(script)
    environment.globals["script_hash"] = "sha256-" + b64encode(sha256(script.encode()).digest()).decode()
    environment.globals["style"] = Markup(_read(*STYLES))
    environment.globals["palette"] = colours.PALETTE
    environment.globals["theme"] = colours.theme
    environment.globals["term"] = glossary.term
    environment.globals["anchor"] = glossary.anchor
    return environment


def _read(*files: str) -> str:
    """Return files of the folder of templates, one after another."""
    return "".join((FOLDER / file).read_text(encoding="utf-8") for file in files)
