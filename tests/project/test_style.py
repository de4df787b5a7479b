"""The style of the house, as far as a test can read it: names, messages, lengths and types (STYLE in CONTRIBUTING.md)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("backtest", "strategies", "tools") for path in (ROOT / folder).rglob("*.py"))
BANNED = {"found", "held", "said", "told", "asked", "heard", "kept", "came", "beside", "one", "place"}
METAPHORS = {"desk", "journal", "outlook", "crew"}
LONGEST, MOST_PARAMETERS, MOST_UNTYPED = 40, 7, 20
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def assigned(tree):
    """Return every name that a file gives, with its line: variables, arguments, fields, functions, classes, aliases."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append((node.id, node.lineno))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append((node.attr, node.lineno))
        elif isinstance(node, ast.arg):
            names.append((node.arg, node.lineno))
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.append((node.name, node.lineno))
        elif isinstance(node, ast.alias) and node.asname:
            names.append((node.asname, node.lineno))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.append((node.name, node.lineno))
    return names


def banned(source):
    """Return the banned names that a file gives, with their lines."""
    given = [(name, line) for name, line in assigned(ast.parse(source)) if name.strip("_") in BANNED]
    return given + [(name, line) for name, line in assigned(ast.parse(source)) if name.strip("_").lower() in METAPHORS]


def length(function, lines):
    """Return the lines of a function's body, docstring, comments and empty lines aside."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    written = lines[body[0].lineno - 1 : body[-1].end_lineno] if body else []
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in written)


def functions(source):
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)]


def parameters(function):
    """Return how many values a function is called with, self aside."""
    given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return len([one for one in given if one.arg not in ("self", "cls")])


def is_command(function):
    """Return whether a function is a command of the command line, whose options are its parameters."""
    return any("typer." in ast.unparse(one.annotation) for one in function.args.args if one.annotation)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_say_what_a_thing_is_and_functions_are_short(path):
    source = path.read_text(encoding="utf-8")
    assert banned(source) == []
    lines = source.splitlines()
    assert [(one.name, length(one, lines)) for one in functions(source) if length(one, lines) > LONGEST] == []
    given = [(one.name, parameters(one)) for one in functions(source) if not is_command(one)]
    assert [(name, count) for name, count in given if count > MOST_PARAMETERS] == []


def test_messages_say_what_was_expected():
    wanting = [(path.name, line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines() if "; want" in line]
    assert wanting == []


def test_few_values_are_untyped_and_each_says_why():
    lines = [line for path in sorted((ROOT / "backtest").rglob("*.py")) for line in path.read_text("utf-8").splitlines()]
    untyped = [line.strip() for line in lines if "dict[str, Any]" in line]
    assert len(untyped) <= MOST_UNTYPED
    assert [line for line in untyped if not re.search(r"dict\[str, Any\].*  # \w+", line)] == []


def test_the_kernel_s_signatures_are_typed():
    source = (ROOT / "backtest" / "execution" / "kernel.py").read_text(encoding="utf-8")
    signatures = [ast.unparse(one.args) + (ast.unparse(one.returns) if one.returns else "none") for one in functions(source)]
    assert [one for one in signatures if re.search(r"\bAny\b|none$", one)] == []


@pytest.mark.parametrize(
    "source",
    ["found = 1", "for one in rows:\n    pass", "def f(held):\n    pass", "self.said = ''", "def told():\n    pass",
     "import a as place", "try:\n    pass\nexcept E as asked:\n    pass", "_kept: int = 1", "class Desk:\n    pass"],
)  # fmt: skip
def test_a_banned_name_is_caught_however_it_is_given(source):
    assert len(banned(source)) == 1


def test_a_long_function_and_many_parameters_are_caught_and_comments_do_not_count():
    long = "def f(a, b, c, d, e, f, g, h):\n    '''Doc.'''\n    # why\n" + "    x = 1\n\n" * (LONGEST + 1)
    (function,) = functions(long)
    assert length(function, long.splitlines()) == LONGEST + 1
    assert parameters(function) == MOST_PARAMETERS + 1
