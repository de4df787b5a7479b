"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

NAME_HELP = "A strategy in strategies/ of the working folder, else one of the thesis; a path to one; 'all' runs every one."
ThesisOption = Annotated[
    str | None,
    typer.Option("--thesis", metavar="ID|DIR", help="A thesis by name or folder; default: BACKTEST_THESIS, or the nearest."),
]
PricesOption = Annotated[
    str,
    typer.Option(help="'reference' (embedded), a source by name (pulled first), 'store' or a folder of daily CSVs."),
]
FactsOption = Annotated[
    str, typer.Option("--facts", help="'reference' (embedded), 'store' (with live figures) or a folder of tables.")
]
StartOption = Annotated[str | None, typer.Option(metavar="DATE", help="First day of the run.")]
EndOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Last day; default: the last on which every ticker is priced.")
]
TagOption = Annotated[
    str | None, typer.Option("--tag", metavar="NAME", help="Write to STRATEGY--NAME, beside what is there without it.")
]
AsOfOption = Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; default: now.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")]
ReportArgument = Annotated[Path, typer.Argument(metavar="REPORT", help="A report's folder, its index.html or its result.json.")]
