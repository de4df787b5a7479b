"""Parts of the documents on the command line: commands with their options, and exit codes, as the code has them."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import typer
from markdown_tables import code, first_sentence, prose, table

from backtest import errors
from backtest.cli.app import NAME, app


def commands() -> dict[str, Any]:
    """Return every command of the command line by its words, in the order of the help."""

    def below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        children = getattr(command, "commands", {})
        if not children:
            yield words, command
        for name, child in children.items():
            yield from below(f"{words} {name}".strip(), child)

    return dict(below("", typer.main.get_command(app)))


def command_reference() -> str:
    """Return a section per command: its usage, what it does, and its options with their defaults."""
    return "\n".join(_section(words, command) for words, command in commands().items())


def _section(words: str, command: Any) -> str:
    hints = get_type_hints(inspect.unwrap(command.callback))
    given = [parameter for parameter in command.params if parameter.name != "help"]
    given.sort(key=lambda parameter: parameter.param_type_name != "argument")
    options = [parameter for parameter in given if parameter.param_type_name == "option"]
    arguments = [_argument(parameter) for parameter in given if parameter not in options]
    usage = " ".join([NAME, words, *arguments, *(["[OPTIONS]"] if options else [])])
    rows = [_row(parameter, hints[parameter.name]) for parameter in given]
    heading = ["argument or option", "means", "default"]
    return "\n".join([f"### {words}\n", f"`{usage}`\n", prose(command.help), table(heading, rows) if rows else ""])


def _argument(parameter: Any) -> str:
    word = parameter.metavar or parameter.name.upper()
    return word if parameter.required or word.startswith("[") else f"[{word}]"


def _row(parameter: Any, hint: Any) -> tuple[str, str, str]:
    many = " Can be given several times." if parameter.multiple else ""
    default = "" if parameter.default in (None, False, ()) else code(parameter.default)
    if parameter.param_type_name == "argument":
        return code(parameter.metavar or parameter.name.upper()), f"{parameter.help}{many}", default
    return code(f"{parameter.opts[0]} {_word(parameter, hint)}".strip()), f"{parameter.help}{many}", default


def _word(parameter: Any, hint: Any) -> str:
    """Return the word that stands for an option's value, such as DATE; none for a flag."""
    if parameter.metavar or parameter.is_flag:
        return parameter.metavar or ""
    types = [part for part in (get_args(hint) or (hint,)) if part is not NoneType]
    if all(isinstance(part, str) for part in types):
        return "|".join(types)
    (kind,) = types
    if choices := get_args(kind):
        return _word(parameter, choices[0]) if isinstance(choices[0], type) else "|".join(choices)
    return {int: "N", float: "X", Path: "PATH"}.get(kind, "NAME")


def exit_codes() -> str:
    """Return the exit codes, each with the errors that end in it."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.BacktestError)]
    rows = {0: [("", "Done.")]}
    for kind in sorted(kinds, key=lambda kind: (kind.exit_code, len(kind.__mro__), kind.__name__)):
        rows.setdefault(kind.exit_code, []).append((kind.__name__, first_sentence(kind.__doc__)))
    cells = [
        (str(number), "; ".join(code(name) for name, _ in named if name), " ".join(text for _, text in named))
        for number, named in sorted(rows.items())
    ]
    return table(["exit code", "errors of `backtest.errors`", "means"], cells)


PARTS: Mapping[str, Callable[[], str]] = {"commands": command_reference, "exit_codes": exit_codes}
