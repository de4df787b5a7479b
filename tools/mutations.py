"""What the mutation net draws: every one-line fault of a module, and some of them by a seed (see `mutants.py`)."""

import ast
import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Area -> module under backtest/ -> its tests under tests/.
AREAS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("mutants_areas.toml").read_text(encoding="utf-8"))

SYMBOLS = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"), ast.Not: ("not ", ""), ast.USub: ("-", ""), ast.Invert: ("~", ""),
}  # fmt: skip
PAIRS = ("left right", "first last", "min max", "any all", "argmin argmax", "minimum maximum", "cummin cummax", "floor ceil",
         "ffill bfill", "open close", "high low", "before after", "start end", "up down")  # fmt: skip
SIDES = {left: right for pair in PAIRS for left, right in (pair.split(), reversed(pair.split()))}
LEFT_ALONE = {"annotation", "returns", "decorator_list", "strict"}  # fields of a syntax tree, and an argument


@dataclass(frozen=True)
class Mutant:
    """One edit of one line: `name` identifies it by module, function, the line before and after, and which of equals it is.

    `row` is the line's, 0 for one that runs on import, before any test.
    """

    area: str
    module: str
    row: int
    name: str
    source: str

    def rank(self, seed: int) -> bytes:
        """Return what the mutants of a module are drawn by: a hash of the seed and the edit, whatever its file is called."""
        return hashlib.sha256(f"{seed} {self.name.partition(' ')[2]}".encode()).digest()


def mutants_of(area: str, module: str) -> list[Mutant]:
    """Return every mutant of a module in the order of its lines."""
    source = (ROOT / "backtest" / module).read_text(encoding="utf-8")
    data, count, mutants = source.encode(), Counter[str](), []
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    tree = ast.parse(source)
    bodies = [range(node.body[0].lineno, node.end_lineno + 1) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function, row, begin, end, text in _edits(tree, data, starts, ""):
        changed = data[:begin] + text.encode() + data[end:]
        line, after = starts[row - 1], starts[row] + len(changed) - len(data)
        edit = f"{module} {function}: {data[line : starts[row]].decode().strip()} -> {changed[line:after].decode().strip()}"
        count[edit] += 1
        own = row if any(row in body for body in bodies) else 0
        mutants.append(Mutant(area, module, own, edit + (f" #{count[edit]}" if count[edit] > 1 else ""), changed.decode()))
    return mutants


def drawn(area: str, seed: int, count: int) -> list[Mutant]:
    """Return some mutants of an area, taken from its modules in turn."""
    ranked = {name: sorted(mutants_of(area, name), key=lambda mutant: mutant.rank(seed)) for name in AREAS[area]}
    turns = [ranked[name][turn] for turn in range(count) for name in ranked if turn < len(ranked[name])]
    return sorted(turns[:count], key=lambda mutant: (mutant.module, mutant.name))


def _edits(node: ast.AST, data: bytes, starts: list[int], function: str) -> Iterator[tuple[str, int, int, int, str]]:
    """Yield (function, row, begin, end, text): bytes `begin` to `end` of the module, on a row, become `text`."""
    if isinstance(node, ast.JoinedStr | ast.Raise) or (isinstance(node, ast.keyword) and node.arg in LEFT_ALONE):
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".lstrip(".")
    for begin, end, text in _own_edits(node, data, starts):
        row = next(number for number, start in enumerate(starts) if start > begin)
        yield function or "module", row, begin, end, text
    if isinstance(node, ast.keyword) and node.arg == "axis":
        return
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) and name not in LEFT_ALONE else [value]:
            if isinstance(child, ast.AST) and name not in LEFT_ALONE:
                yield from _edits(child, data, starts, function)


def _own_edits(node: ast.AST, data: bytes, starts: list[int]) -> Iterator[tuple[int, int, str]]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from _between(op, left, right, data, starts)
        case ast.BoolOp(op=op, values=[left, right, *_]):
            yield from _between(op, left, right, data, starts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            for op, before, after in zip(ops, [left, *others], others, strict=False):
                yield from _between(op, before, after, data, starts)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert() as op):
            begin = starts[node.lineno - 1] + node.col_offset
            yield begin, begin + len(SYMBOLS[type(op)][0]), ""
        case ast.keyword(arg="axis", value=ast.Constant(value=0 | 1 as axis) as value):
            yield *_span(value, starts), str(1 - axis)
        case ast.Constant(value=bool() | int() | float() as value):
            yield *_span(node, starts), repr(not value if isinstance(value, bool) else value + 1)
        case ast.Constant(value=str() as value) if value in SIDES:
            yield *_span(node, starts), f'"{SIDES[value]}"'
        case ast.Name(id=name) if name in SIDES and name in ("min", "max", "any", "all"):
            yield *_span(node, starts), SIDES[name]
        case ast.Attribute(attr=name, ctx=ast.Load()) if name in SIDES:
            end = _span(node, starts)[1]
            yield end - len(name), end, SIDES[name]


def _span(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _between(op: ast.AST, left: ast.expr, right: ast.expr, data: bytes, starts: list[int]) -> Iterator[tuple[int, int, str]]:
    if type(op) in SYMBOLS:
        symbol, other = SYMBOLS[type(op)]
        end, begin = _span(left, starts)[1], _span(right, starts)[0]
        at = data.find(symbol.encode(), end, begin)
        yield at, at + len(symbol), other
