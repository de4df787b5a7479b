"""Writes the parts of the documents that code, tables and rows have the say of: python tools/documents.py.

A page has `<!-- made: NAME -->` and `<!-- end -->` on lines of their own; what stands between them is made by the function of
that name in `PARTS`. tests/project/test_documents.py holds every page to what would be written now.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import command_parts
import reference_parts
import speed_parts
import statistics_parts
import verdict_parts

ROOT = Path(__file__).parents[1]
MADE = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PARTS: Mapping[str, Callable[[], str]] = {
    **command_parts.PARTS,
    **reference_parts.PARTS,
    **speed_parts.PARTS,
    **statistics_parts.PARTS,
    **verdict_parts.PARTS,
}


def pages() -> list[Path]:
    """Return every page that may have such parts."""
    return [ROOT / "README.md", ROOT / "benchmarks" / "speed.md", *sorted((ROOT / "docs").rglob("*.md"))]


def names(text: str) -> list[str]:
    """Return the names of a page's made parts, in order."""
    return [name for _, name, _ in MADE.findall(text)]


def made(text: str, leave: tuple[str, ...] = ()) -> str:
    """Return a page with its parts made anew, but for some by name."""
    return MADE.sub(lambda part: part[0] if part[2] in leave else f"{part[1]}{PARTS[part[2]]().strip()}\n{part[3]}", text)


def main() -> None:
    """Make every part of every page anew."""
    for path in pages():
        before = path.read_text(encoding="utf-8")
        if (after := made(before)) != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
