"""Size, screens and first paint of every page in `reports/`: `python benchmarks/pages.py` after `make report`.

A page is opened from disk five times at each width; first paint is the browser's own "first-contentful-paint", its median shown
with the slowest.
"""

import shutil
import sys
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

REPORTS = Path(__file__).parents[1] / "reports"
SCREENS = ((1440, 900), (390, 844))
TIMES = 5
PAINT = """() => new Promise(done => {
  const look = () => {
    const [first] = performance.getEntriesByName('first-contentful-paint');
    if (first) done(first.startTime); else requestAnimationFrame(look);
  };
  look();
})"""
HEIGHT = "document.documentElement.scrollHeight"


def measured(browser: Browser, path: Path, width: int, height: int) -> tuple[float, list[float]]:
    """Return how many screens a page is as it opens, and its first paints in milliseconds."""
    paints, screens = [], 0.0
    for _ in range(TIMES):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(path.as_uri())
        paints.append(float(page.evaluate(PAINT)))
        screens = page.evaluate(HEIGHT) / height
        page.close()
    return screens, paints


def main() -> None:
    """Print a row per page."""
    pages = [REPORTS / "index.html", *sorted(REPORTS.glob("*/index.html"))]
    chromium = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    if chromium is None or not pages[0].exists():
        sys.exit("no figures: expected Chromium and reports, see 'make report'")
    print("| page | MB | screens at 1440 × 900 | at 390 × 844 | first paint at 1440, ms (slowest) | at 390 |")
    print("|---|---:|---:|---:|---:|---:|")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for path in pages:
            (wide, first), (narrow, second) = (measured(browser, path, *screen) for screen in SCREENS)
            paints = " | ".join(f"{median(paints):.0f} ({max(paints):.0f})" for paints in (first, second))
            name = path.parent.name if path.parent != REPORTS else "front page"
            print(f"| `{name}` | {path.stat().st_size / 1e6:.2f} | {wide:.1f} | {narrow:.1f} | {paints} |")
        browser.close()


if __name__ == "__main__":
    main()
