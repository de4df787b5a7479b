"""The pictures of docs/ are of the pages as they are now; `make pictures` takes them again."""

import json

import pictures
import pytest

from backtest.report import render_index


@pytest.fixture(scope="module")
def now(pages, documents):
    html = {f"{name}/index.html": page for name, page in pages.items()} | {"index.html": render_index(documents)}
    return pictures.manifest(html.__getitem__)


@pytest.mark.parametrize("name", pictures.SHOTS)
def test_a_picture_shows_what_its_page_shows_now(name, now):
    written = json.loads(pictures.MANIFEST.read_text(encoding="utf-8"))
    assert written[name]["file"] == now[name]["file"], f"docs/{name} is another file than docs/pictures.json says: make pictures"
    assert written[name]["shows"] == now[name]["shows"], f"docs/{name} is older than the page it shows: make pictures"


def test_another_figure_or_another_style_is_another_picture(pages, tmp_path, monkeypatch):
    page = pages["supply_chain_excess"]
    before = pictures.shows(page, "outcome")
    assert pictures.shows(page.replace("+231.6%", "+231.7%"), "outcome") != before
    assert pictures.shows(page.replace('id="provenance"', 'id="elsewhere"'), "outcome") == before
    (tmp_path / "style.css").write_text("body { color: red }", encoding="utf-8")
    monkeypatch.setattr(pictures, "FOLDER", tmp_path)
    assert pictures.shows(page, "outcome") != before


def test_every_picture_of_the_readme_is_in_the_manifest():
    written = json.loads(pictures.MANIFEST.read_text(encoding="utf-8"))
    assert set(written) == set(pictures.SHOTS) == {path.name for path in pictures.DOCS.glob("*.png")}
