"""The site that `make docs` builds: without a warning, every page in it, nothing asked of another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}  # what a browser fetches for a page


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site, and what its build printed: the command of the Makefile, in other folders."""
    folder = tmp_path_factory.mktemp("site")
    line = next(line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "sphinx-build" in line)
    options = line.split("sphinx-build ")[1].replace("build/doctrees", str(folder / "doctrees")).split()[:-1]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(folder / "html")], cwd=ROOT, capture_output=True, text=True
    )
    return folder / "html", done


class Links(HTMLParser):
    """The addresses that a page loads, and those that it links to."""

    def __init__(self):
        super().__init__()
        self.loaded, self.linked = [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in LOADED and given.get(LOADED[tag]):
            self.loaded.append(given[LOADED[tag]])
        if tag == "a" and given.get("href"):
            self.linked.append(given["href"])


def links(path):
    parser = Links()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.process
@pytest.mark.slow
def test_the_site_is_built_without_a_warning_with_readme_as_its_first_page(built):
    site, done = built
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.relative_to(ROOT).with_suffix(".html") for path in [ROOT / "README.md", *DOCS.rglob("*.md")]}
    assert [page for page in sorted(pages) if not (site / page).is_file()] == []
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()


@pytest.mark.process
@pytest.mark.slow
def test_no_page_of_the_site_loads_anything_from_another_host(built):
    site, _ = built
    loaded = {address for path in site.rglob("*.html") for address in links(path).loaded}
    assert len(loaded) > 5
    assert [address for address in sorted(loaded) if urlparse(address).netloc] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert [found for style in styles for found in re.findall(r"url\(['\"]?(?:https?:)?//[^)]*|@import[^;]*", style)] == []


@pytest.mark.process
@pytest.mark.slow
def test_every_link_of_the_site_has_its_page_and_place_and_other_addresses_have_the_form_of_one(built):
    site, _ = built
    targets = {path: set(re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8"))) for path in site.rglob("*.html")}
    broken = []
    for path in targets:
        for address in links(path).linked:
            url = urlparse(address)
            if url.netloc:
                well_formed = url.scheme == "https" and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", url.netloc)
                broken += [] if well_formed else [address]
                continue
            target = (path.parent / url.path).resolve() if url.path else path
            missing = not target.is_file() or (url.fragment and target in targets and url.fragment not in targets[target])
            broken += [f"{path.name}: {address}"] if missing else []
    assert broken == []
