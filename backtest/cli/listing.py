"""The command `list`: what there is by name."""

import sys
from pathlib import Path
from typing import TypedDict

from backtest.cli.inputs import thesis_of
from backtest.cli.options import JsonOption, ThesisOption
from backtest.text.screen import Column, Screen, paragraph, screen_of, table


class Listing(TypedDict):
    """What `list --json` prints: theses by folder, and what the chosen one has by name, each with a word on it."""

    thesis: str
    theses: dict[str, str]
    strategies: dict[str, str]
    grids: dict[str, str]
    signals: dict[str, str]
    baskets: dict[str, str]
    claims: dict[str, str]
    sources: dict[str, str]


def list_names(thesis: ThesisOption = None, as_json: JsonOption = False) -> None:
    """Show the theses, and of one its strategies, grids, signals, baskets, claims and sources."""
    from backtest.files.documents import to_json

    listing = names_of(thesis)
    sys.stdout.write(to_json(listing) if as_json else _lines(listing, screen_of()))


def names_of(named: str | None) -> Listing:
    """Return what there is by name for the thesis that an option names, else for the nearest."""
    from backtest.claims.ledger import load_claims
    from backtest.data.sources.discovery import load_sources
    from backtest.signals import load_signals
    from backtest.strategy import load_strategy
    from backtest.thesis import load_thesis, shipped_theses
    from backtest.thesis.strategies import folder_of, strategies

    chosen = thesis_of(named)
    theses = {name: load_thesis(name).title for name in shipped_theses()}
    paths = strategies("all", chosen)
    return {
        "thesis": chosen.id,
        "theses": theses if chosen.shipped else theses | {str(chosen.folder): chosen.title},
        "strategies": {path.stem: load_strategy(path, chosen).title for path in paths},
        "grids": {path.stem: _shown(path) for path in sorted(folder_of(chosen, "sweeps").glob("*.toml"))},
        "signals": {name: _sentence(signal) for name, signal in load_signals(chosen).items()},
        "baskets": {row.name: f"{row.title}: {', '.join(row.members)}" for row in chosen.universe.baskets},
        "claims": {claim.id: claim.sentence for claim in load_claims(chosen)},
        "sources": {name: _sentence(source) for name, source in load_sources(*chosen.source_folders).items()},
    }


def _sentence(thing: object) -> str:
    """Return the first line of what a signal or a source says of itself."""
    return (type(thing).__doc__ or sys.modules[type(thing).__module__].__doc__ or "").strip().split("\n")[0]


def _shown(path: Path) -> str:
    """Return a path from the working folder where it lies below that."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _lines(listing: Listing, screen: Screen) -> str:
    names = max(len(name) for rows in listing.values() if isinstance(rows, dict) for name in rows)
    blocks = [paragraph(f"thesis: {listing['thesis']}", screen)]
    for kind, rows in listing.items():
        if isinstance(rows, dict) and rows:
            shown = [(name.ljust(names), text) for name, text in rows.items()]
            columns = Column(""), Column("", wraps=True)
            blocks.append(f"{paragraph(kind, screen, 'bold')}\n{table(columns, shown, screen, margin=2)}")
    return "\n\n".join(blocks) + "\n"
