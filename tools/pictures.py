"""Takes the README's pictures from the reports that are there: `make pictures`."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
SHOTS = (
    ("index.html", "front.png", 1100, 860, "body"),
    ("supply_chain_excess/index.html", "report.png", 1100, 900, "body"),
    ("supply_chain_excess/index.html", "thesis.png", 1100, 1100, "section[aria-labelledby=thesis]"),
)


def main() -> None:
    """Write the pictures to docs/, each from a place of a page downward."""
    browser_path = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    if browser_path is None or not (ROOT / "reports" / "index.html").exists():
        sys.exit("no pictures: want Chromium and reports, see 'make report'")
    (ROOT / "docs").mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for page_name, picture, width, height, start in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto((ROOT / "reports" / page_name).as_uri())
            page.locator(start).first.evaluate("place => place.scrollIntoView()")
            page.screenshot(path=ROOT / "docs" / picture)
        browser.close()


if __name__ == "__main__":
    main()
