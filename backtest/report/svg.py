"""Turns a chart's SVG file into an element of the page: own ids, the page's colours and fonts, a text alternative."""

import re
from xml.etree import ElementTree

from markupsafe import Markup

from backtest.report.colours import variables

NUMBER = re.compile(r"-?\d+\.\d+")
COLOUR = re.compile(r"#[0-9a-f]{6}")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
FONT = re.compile(r"\s*font-family:[^;]*;?")
PLACED = ("d", "x", "y", "width", "height", "transform")
DROPPED = ("metadata", "style")


def inline(written: str, prefix: str, label: str, size: str) -> Markup:
    """Return an SVG document as an element of a page; the label is what a reader who cannot see it is told."""
    root = ElementTree.fromstring(written)
    variable, wanted = variables(), _referenced(root)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): value for name, value in element.attrib.items()}
        for child in [one for one in element if _local(one.tag) in DROPPED]:
            element.remove(child)
        _tidy(element, prefix, variable, wanted)
    box = root.attrib["viewBox"]
    root.attrib = {"viewBox": box, "role": "img", "aria-label": label, "class": size, "id": prefix}
    return Markup(ElementTree.tostring(root, encoding="unicode").replace("\n", " "))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _referenced(root: ElementTree.Element) -> set[str]:
    """Return the ids that something in the document points to."""
    values = [value for element in root.iter() for value in element.attrib.values()]
    return {value[1:] for value in values if value.startswith("#")} | {
        name for value in values for name in REFERENCE.findall(value)
    }


def _tidy(element: ElementTree.Element, prefix: str, variable: dict[str, str], wanted: set[str]) -> None:
    """Rename ids, round positions to a twentieth of a pixel and name the page's colours in place of fixed ones."""
    found = element.attrib
    if "id" in found:
        name = found.pop("id")
        if name in wanted:
            found["id"] = f"{prefix}-{name}"
    if "href" in found:
        found["href"] = f"#{prefix}-{found['href'][1:]}"
    if "clip-path" in found:
        found["clip-path"] = REFERENCE.sub(rf"url(#{prefix}-\1)", found["clip-path"])
    if found.get("transform", "").startswith("rotate(-0 "):
        del found["transform"]
    for name in PLACED:
        if name in found:
            found[name] = " ".join(NUMBER.sub(lambda part: f"{float(part.group()):.1f}".removesuffix(".0"), found[name]).split())
    if "style" in found:
        found["style"] = COLOUR.sub(lambda part: variable.get(part.group(), part.group()), FONT.sub("", found["style"]))
    if not element.text or not element.text.strip():
        element.text = None
    element.tail = None
