"""Writes docs/glossary.md from the terms that the pages define: python tools/glossary.py."""

from pathlib import Path

from backtest.report.glossary import TERMS

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"


def glossary() -> str:
    """Return the glossary in Markdown: every term of the pages with its unit and its definition."""
    rows = [f"| {name} | {term.unit} | {term.text} |" for name, term in sorted(TERMS.items(), key=lambda item: item[0].lower())]
    head = [
        "# Glossary",
        "",
        "What the figures of the pages mean; `python tools/glossary.py` writes this from the pages' own terms.",
        "",
    ]
    return "\n".join([*head, "| figure | unit | meaning |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    GLOSSARY.write_text(glossary(), encoding="utf-8")
