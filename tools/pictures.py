"""Takes the README's pictures from the reports that are there: `make pictures`; says what each was made from.

`docs/pictures.json` has the hashes of every picture and of what it shows: styles, scripts, the heading and a section of a page.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from backtest.report import FOLDER

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MANIFEST = DOCS / "pictures.json"


class Shot(NamedTuple):
    """A picture: of which page, how large, from which element down, and the section that fills it."""

    page: str
    width: int
    height: int
    start: str
    section: str


SHOTS = {
    "front.png": Shot("index.html", 1100, 860, "body", "strategies"),
    "report.png": Shot("supply_chain_excess/index.html", 1100, 900, "body", "outcome"),
    "thesis.png": Shot("supply_chain_excess/index.html", 1100, 1100, "section[aria-labelledby=thesis]", "thesis"),
}


def shows(html: str, section: str) -> str:
    """Return the hash of what a picture shows: styles, scripts, the page's heading and a section of it, from its HTML."""
    style = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.[cj]s*")))
    heading = re.search(r"<header>.*?</header>", html, re.DOTALL)
    shown = re.search(rf'<section class="section" aria-labelledby="{section}">.*?</section>', html, re.DOTALL)
    if heading is None or shown is None:
        raise ValueError(f"no heading, or no section '{section}'")
    drawn = re.sub(r" data-chart='[^']*'", "", shown[0])  # what a chart's script reads, and no picture shows
    return sha256("".join((style, heading[0], drawn)).encode()).hexdigest()


def manifest(page_of: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """Return the hashes of every picture's file and of what the pages show now; `page_of` gives a page by its path."""
    return {
        name: {"file": sha256((DOCS / name).read_bytes()).hexdigest(), "shows": shows(page_of(shot.page), shot.section)}
        for name, shot in SHOTS.items()
    }


def main() -> None:
    """Write the pictures and the manifest to docs/, each picture from a place of a page downward."""
    from playwright.sync_api import sync_playwright

    reports = ROOT / "reports"
    browser_path = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    if browser_path is None or not (reports / "index.html").exists():
        sys.exit("no pictures: expected Chromium and reports, see 'make report'")
    DOCS.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for name, shot in SHOTS.items():
            page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, color_scheme="light")
            page.goto((reports / shot.page).as_uri())
            page.locator(shot.start).first.evaluate("place => place.scrollIntoView()")
            page.screenshot(path=DOCS / name)
        browser.close()
    pages_shown = manifest(lambda page: (reports / page).read_text(encoding="utf-8"))
    MANIFEST.write_text(json.dumps(pages_shown, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
