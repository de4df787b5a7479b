"""The documents as a site, built by `make docs`: README is its first page, and links are those that the files have."""

import re
from pathlib import Path
from shutil import copyfile

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from backtest import __version__

project = "capex-backtest"
copyright = "MIT licence"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "README"
include_patterns = ["*.md", "docs/**", "benchmarks/*.md", "backtest/thesis/memory/README.md"]
exclude_patterns = [".venv", "build", "reports", "tests", "strategies", "sweeps", "examples", "tools", "**/node_modules"]
suppress_warnings = ["myst.xref_missing_none"]

myst_enable_extensions = ["attrs_block", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
add_module_names = False
nitpick_ignore_regex = [("py:.*", r".*")]  # types of other libraries and of our own inner modules: signatures link to neither

html_theme = "furo"
html_title = "capex-backtest"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}


def contents(order: Path) -> str:
    """Return the tables of contents of the site, a part each, in MyST; the order of the pages is in docs/contents.txt."""
    parts = [part.splitlines() for part in order.read_text(encoding="utf-8").strip().split("\n\n")]
    return "".join(f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n" for title, *pages in parts)


def with_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Add the tables of contents to README and to the list of decisions, which have none of their own."""
    if name == root_doc:
        source[0] += contents(Path(app.confdir) / "contents.txt")
    elif name == "docs/decisions/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"


def from_plain_text(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText: code in backticks, and lines like "archive: of `run`" into a list of fields."""
    literal = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line).replace("*", r"\*").replace("|", r"\|") for line in lines]
    fields = [re.sub(r"^([a-z_]+(?:, [a-z_]+)*): ", r":\1: ", line) for line in literal]
    lines[:] = [line if line.startswith(">>>") else changed for line, changed in zip(lines, fields, strict=True)]


def with_index(app: Sphinx, fault: Exception | None) -> None:
    """Give the first page the name that a server looks for."""
    if fault is None and app.builder.name == "html":
        copyfile(Path(app.outdir) / f"{root_doc}.html", Path(app.outdir) / "index.html")


def setup(app: Sphinx) -> None:
    """Connect what this site adds to Sphinx."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", with_contents)
    app.connect("autodoc-process-docstring", from_plain_text)
    app.connect("build-finished", with_index)
