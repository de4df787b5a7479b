"""Elements of a chart in a page, as SVG: paths of few letters, marks, texts, and the element around them."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import numpy as np
from markupsafe import Markup

from backtest.report.charts.colours import variables
from backtest.report.charts.scales import Floats

LONG, NEAR = 100, 0.6  # points of an edge that is thinned, and the pixels that this may move it
ASCENT, DESCENT, LINE = 0.76, 0.236, 1.2  # of letters above and below their line, and from line to line, in heights of a font
LOWERED = {"baseline": 0.0, "bottom": -DESCENT, "center": (ASCENT - DESCENT) / 2, "top": ASCENT, "digits": ASCENT / 2}
ANCHORS = {"left": "", "center": "middle", "right": "end"}
CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # letters that no document may have
CROSS = np.array([(-1, -2), (0, -1), (1, -2), (2, -1), (1, 0), (2, 1), (1, 2), (0, 1), (-1, 2), (-2, 1), (-1, 0), (-2, -1)]) / 4
SHAPES = {
    "s": np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]),
    "D": np.array([(0, -0.7071), (0.7071, 0), (0, 0.7071), (-0.7071, 0)]),
    "X": CROSS,
}
_variables = variables()
Dash = tuple[float, Sequence[float]] | str


def element(parts: Sequence[str], box: tuple[float, float], anchor: str, label: str, size: str, data: str = "") -> Markup:
    """Return elements as one of a page, of so many pixels; the label is what a reader who cannot see it is told.

    data: a further attribute, as `Drawing.data` writes it.
    """
    view = " ".join(("0", "0", *map(short, box)))
    named = f'role="img" aria-label="{written(label)}" class="{size}" id="{written(anchor)}"'
    return Markup(f'<svg{data} viewBox="{view}" {named}>{"".join(parts)}</svg>')


def written(text: str) -> str:
    """Return a text as it stands in a document."""
    return escape(CONTROL.sub("", text))


def style(**values: object) -> str:
    """Return an attribute of style, the page's colours by name; underscores are hyphens, what is None or empty is left out."""
    named = _variables
    pairs = ((name.replace("_", "-"), value) for name, value in values.items() if value is not None and value != "")
    return f' style="{"; ".join(f"{name}: {named.get(str(value), value)}" for name, value in pairs)}"'


def drawn(points: Sequence[Floats], closed: bool, look: str, clip: str = "") -> str:
    """Return a path of lines through points in pixels (rows of x and y), each array a part of its own."""
    data = path(points, closed)
    return f'<path d="{data}"{clip}{look}/>' if data else ""


def stroke(color: str, lw: float, ls: Dash = "-", alpha: float | None = None) -> str:
    """Return the style of a line: colour, width in pixels, dashes in widths, opacity."""
    dashes = "" if isinstance(ls, str) else " ".join(short(part * lw) for part in ls[1])
    return style(fill="none", stroke=color, stroke_width=None if lw == 1 else f"{lw:g}", stroke_dasharray=dashes, opacity=alpha)


def marks(points: Floats, shape: str, ms: float, color: str, mfc: str = "", mew: float = 1.0) -> str:
    """Return marks of a size at points: o, s (square), D (diamond), X and x (crosses); `mfc` is the colour inside."""
    if shape == "x":
        half = ms / 2
        lines = [np.array([(x - half, y - s * half), (x + half, y + s * half)]) for x, y in points for s in (1, -1)]
        return drawn(lines, False, stroke(color, mew))
    look = style(fill=mfc or color, stroke=color, stroke_width=None if mew == 1 else f"{mew:g}")
    if shape == "o":
        return "".join(f'<circle cx="{short(x)}" cy="{short(y)}" r="{short(ms / 2)}"{look}/>' for x, y in points)
    return drawn([point + SHAPES[shape] * ms for point in points], True, look)


def text(x: float, y: float, words: str, font: float, color: str = "", ha: str = "left", va: str = "baseline") -> str:
    """Return a text at a point, each of its lines an element; `va` says what of it stands there ("digits": their middle)."""
    look = style(font_size=f"{short(font)}px", text_anchor=ANCHORS[ha], fill=color)
    lines = words.split("\n")
    lowered = y + LOWERED[va] * font - (LINE * font * (len(lines) - 1) * {"bottom": 1.0, "center": 0.5}.get(va, 0.0))
    return "".join(
        f'<text{look} x="{short(x)}" y="{short(lowered + number * LINE * font)}">{written(line)}</text>'
        for number, line in enumerate(lines)
    )


def thinned(points: Floats) -> Floats:
    """Return a line from left to right without points near the straight line between others, where it has many points."""
    if len(points) < LONG:
        return points
    xs, ys = points.T.tolist()
    chosen, last = [0], len(xs) - 1
    at_x, at_y, lowest, highest = xs[0], ys[0], -np.inf, np.inf
    for number in range(1, last):
        across = xs[number] - at_x
        slope = (ys[number] - at_y) / across if across > 0 else np.inf
        if not lowest <= slope <= highest:
            chosen.append(number - 1)
            at_x, at_y, lowest, highest = xs[number - 1], ys[number - 1], -np.inf, np.inf
            across = xs[number] - at_x
        if across > 0:
            lowest = max(lowest, (ys[number] - NEAR - at_y) / across)
            highest = min(highest, (ys[number] + NEAR - at_y) / across)
    thin: Floats = points[[*dict.fromkeys([*chosen, last - 1, last])]]
    return thin


def path(parts: Sequence[Floats], closed: bool = False) -> str:
    """Return a path of lines in the fewest letters: steps from point to point, of tenths of a pixel.

    The steps are those between rounded points, so no error adds up along a line.
    """
    texts, at = [], np.zeros(2, np.int64)
    for points in parts:
        tenths = np.rint(np.asarray(points) * 10).astype(np.int64)
        steps = np.diff(tenths, axis=0)
        steps = steps[steps.any(axis=1)].tolist()
        if not steps:
            continue
        first, *others = (_joined(x, y) for x, y in steps)
        line = "".join(step if step[0] == "-" else f" {step}" for step in others)
        texts.append(f"m{_joined(*(tenths[0] - at).tolist())}l{first}{line}{'z' if closed else ''}")
        at = tenths[0] if closed else tenths[-1]
    return "".join(texts)


@lru_cache(maxsize=1 << 16)
def _joined(x: int, y: int) -> str:
    """Return a step of tenths as two numbers."""
    second = short(y / 10)
    return f"{short(x / 10)}{'' if second[0] == '-' else ' '}{second}"


def short(value: float) -> str:
    """Return a number of one decimal in the fewest letters: 3, .4, -12.5."""
    text = f"{value:.1f}".removesuffix(".0").replace("-0.", "-.")
    return "0" if text in ("-0", "") else text.removeprefix("0") if text.startswith("0.") else text
