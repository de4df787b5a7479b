"""The command line: its commands, and every error as one line with an exit code."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

import backtest
from backtest.cli.data import data
from backtest.cli.explain import explain
from backtest.cli.facts import facts
from backtest.cli.inspect import claims, signals
from backtest.cli.listing import list_names
from backtest.cli.new import new
from backtest.cli.reports import compare, verify
from backtest.cli.run import run
from backtest.cli.sweep import sweep
from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.files.messages import flat, reason

NAME = "capex-backtest"  # however it was started: a clone's environment has the script too, and output stays the same
COLLECT_AFTER = (50_000, 20, 50)  # objects and collections: Python's defaults cost a tenth of a run, which leaves few cycles
UsageError: type[Any] = typer.BadParameter.__base__ or Exception

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {backtest.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Backtests a thesis: suppliers outgrow the CapEx of those who buy from them."""


for command in (run, sweep, signals, claims, explain, compare, verify):
    app.command()(command)
app.command("list")(list_names)
app.command()(new)
app.add_typer(data, name="data")
app.add_typer(facts, name="facts")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error a user can meet is one line on standard error and its exit code."""
    gc.set_threshold(*COLLECT_AFTER)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an output that is not UTF-8 gets every letter it knows
    code = 0
    try:
        try:
            code = app(args=list(arguments) if arguments is not None else None, prog_name=NAME, standalone_mode=False) or 0
        finally:
            sys.stdout.flush()
    except UsageError as error:
        code = _show_usage(error)
    except BacktestError as error:
        typer.echo(f"error: {flat(str(error))}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = _discard_output(1)  # the reader has closed the pipe
    except OSError as error:
        where = f"{flat(str(error.filename))}: " if error.filename else ""
        typer.echo(f"error: {where}{reason(error)}; expected files that can be read and a disk with room", err=True)
        code = _discard_output(DataError.exit_code)
    sys.exit(code)


def _show_usage(error: Any) -> int:
    """Print what is wrong with the options in one line; the whole help where there is no command."""
    if error.ctx is not None and error.message == error.ctx.get_help():
        typer.echo(error.message)
    else:
        command = f"; see {error.ctx.command_path} --help" if error.ctx is not None else ""
        typer.echo(f"error: {flat(error.format_message())}{command}", err=True)
    return ConfigurationError.exit_code


def _discard_output(code: int) -> int:
    """Send the rest of standard output to the null device, so that the interpreter's last flush does not fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
