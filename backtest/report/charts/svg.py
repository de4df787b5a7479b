"""Turns a chart's SVG file into an element of the page: own ids, the page's colours and fonts, a text alternative."""

import re
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

from backtest.report.charts.colours import variables

NUMBER = re.compile(r"-?\d+\.\d+")
COLOUR = re.compile(r"#[0-9a-f]{6}")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
FONT = re.compile(r"\s*font-family:[^;]*;?")
CURVED = re.compile(r"[^MLz\d\s.-]")
STEP = re.compile(r"([MLz])([^MLz]*)")
PLACED = ("x", "y", "width", "height", "transform")
SUBPATH = re.compile(r"M[^M]*")
LONG, NEAR = 100, 0.6  # points of a shape that is thinned, and the pixels that this may move its edge
UNPAINTED = "fill: none"
DROPPED = ("metadata", "style")
NOTHING = Markup()


def inline(written: str, prefix: str, label: str, size: str, data: Markup = NOTHING) -> Markup:
    """Return an SVG document as an element of a page; the label is what a reader who cannot see it is told.

    data: a further attribute, as `Drawing.data` writes it.
    """
    root = ElementTree.fromstring(written)
    variable, wanted = variables(), _referenced(root)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): value for name, value in element.attrib.items()}
        for child in [child for child in element if _local(child.tag) in DROPPED]:
            element.remove(child)
        _tidy(element, prefix, variable, wanted)
    _flatten(root)
    box = root.attrib["viewBox"]
    root.attrib = {"viewBox": box, "role": "img", "aria-label": label, "class": size, "id": prefix}
    drawn = ElementTree.tostring(root, encoding="unicode").replace("\n", " ")
    return Markup(drawn.replace("<svg", f"<svg{data}", 1))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _referenced(root: ElementTree.Element) -> set[str]:
    """Return the ids that something in the document points to."""
    values = [value for element in root.iter() for value in element.attrib.values()]
    return {value[1:] for value in values if value.startswith("#")} | {
        name for value in values for name in REFERENCE.findall(value)
    }


def _flatten(element: ElementTree.Element) -> None:
    """Put what a group without attributes holds in its place, and leave out paths that paint nothing."""
    for child in element:
        _flatten(child)
    parts = [part for child in element for part in (child if child.tag == "g" and not child.attrib else [child])]
    element[:] = [part for part in parts if part.attrib.get("style") != UNPAINTED or len(part)]


def _tidy(element: ElementTree.Element, prefix: str, variable: dict[str, str], wanted: set[str]) -> None:
    """Rename ids, round positions to a tenth of a pixel and name the page's colours in place of fixed ones."""
    attributes = element.attrib
    if "id" in attributes:
        name = attributes.pop("id")
        if name in wanted:
            attributes["id"] = f"{prefix}-{name}"
    if "href" in attributes:
        attributes["href"] = f"#{prefix}-{attributes['href'][1:]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = REFERENCE.sub(rf"url(#{prefix}-\1)", attributes["clip-path"])
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    for name in PLACED:
        if name in attributes:
            attributes[name] = " ".join(NUMBER.sub(lambda part: _short(float(part.group())), attributes[name]).split())
    if "d" in attributes:
        shape = "style" not in attributes  # a shape that is used elsewhere: matplotlib thins lines alone
        attributes["d"] = path(thinned(attributes["d"]) if shape else attributes["d"])
    if "style" in attributes:
        attributes["style"] = COLOUR.sub(lambda part: variable.get(part.group(), part.group()), FONT.sub("", attributes["style"]))
    if not element.text or not element.text.strip():
        element.text = None
    element.tail = None


def thinned(data: str) -> str:
    """Return a path without points of long shapes that lie close to the line between others (Douglas and Peucker's way)."""
    return data if CURVED.search(data) else SUBPATH.sub(lambda part: _thinned(part.group()), data)


def _thinned(part: str) -> str:
    points = np.array([numbers.split() for _, numbers in STEP.findall(part) if numbers.strip()], dtype=float)
    if len(points) < LONG:
        return part
    chosen, open_spans = np.zeros(len(points), dtype=bool), [(0, len(points) - 1)]
    chosen[[0, -1]] = True
    while open_spans:
        first, last = open_spans.pop()
        (x, y), away = points[last] - points[first], points[first + 1 : last] - points[first]
        length = np.hypot(x, y)
        distances = np.abs(away[:, 0] * y - away[:, 1] * x) / length if length else np.hypot(*away.T)
        if len(distances) and distances.max() > NEAR:
            middle = first + 1 + int(distances.argmax())
            chosen[middle] = True
            open_spans += [(first, middle), (middle, last)]
    return "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in points[chosen]) + (" z" if "z" in part else "")


def path(data: str) -> str:
    """Return a path of lines in the fewest letters: steps from point to point, of tenths of a pixel; one of curves rounded only.

    The steps are those between rounded points, so no error adds up along a line.
    """
    if CURVED.search(data):
        return " ".join(NUMBER.sub(lambda part: _short(float(part.group())), data).split())
    written: list[str] = []
    at_x = at_y = begun_x = begun_y = 0
    former = ""
    for command, numbers in STEP.findall(data):
        if command == "z":
            written.append("z")
            at_x, at_y, former = begun_x, begun_y, "z"
            continue
        first, second = numbers.split()
        x, y = round(float(first) * 10), round(float(second) * 10)
        if command == "M":
            begun_x, begun_y = x, y
            written.append(f"m{_joined(x - at_x, y - at_y)}")
        elif x != at_x or y != at_y:
            step = _joined(x - at_x, y - at_y)
            written.append(f"l{step}" if former != "L" else step if step.startswith("-") else f" {step}")
        else:
            continue
        at_x, at_y, former = x, y, command
    return "".join(written)


@lru_cache(maxsize=1 << 16)
def _joined(x: int, y: int) -> str:
    """Return a step of tenths as two numbers."""
    second = _short(y / 10)
    return f"{_short(x / 10)}{'' if second.startswith('-') else ' '}{second}"


def _short(value: float) -> str:
    """Return a number of one decimal in the fewest letters: 3, .4, -12.5."""
    text = f"{value:.1f}".removesuffix(".0").replace("-0.", "-.")
    return "0" if text in ("-0", "") else text.removeprefix("0") if text.startswith("0.") else text
