"""A thesis: a dated report or idea with its windows, roles, baskets, claims and hypotheses, each a row in a folder of its own.

A folder is a thesis where it holds `thesis.toml` with a [thesis] table. Beside it lie suppliers.toml and baskets.toml, and, where
the thesis has them, benchmarks, roles, windows, claims, loadings, hypotheses, factors, levels, one_offs, demand and
pages (.toml each),
metrics.toml, `facts/*.csv`, `signals/*.py`, `strategies/*.py`, `sources/*.py`, `sweeps/*.toml`.
A thesis.toml with `use = "ID"` only points.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from backtest.errors import ConfigurationError, near_miss
from backtest.facts import SeriesKey
from backtest.files.hashes import content_id
from backtest.files.rows import Model, parsed_row, read_rows, read_tables, read_toml
from backtest.text.notebook import Displayed
from backtest.thesis.demand_rows import DemandRows, load_demand
from backtest.thesis.rows import (
    Chain,
    Factor,
    Figures,
    Header,
    Hypothesis,
    Level,
    Loading,
    Measure,
    NamedWindow,
    OneOff,
    Role,
    Shift,
)
from backtest.universe import Universe, load_universe

SHIPPED = Path(__file__).parent
FILE = "thesis.toml"
VARIABLE = "BACKTEST_THESIS"
OWN_FILES = ("*.toml", "facts/*.csv", "markets/*.toml", "signals/*.py")  # that a run on the thesis depends on


@dataclass(frozen=True)
class Pages:
    """What the pages of a thesis show beside the parts that all have: its figures, the links of its chain, its shifts.

    `measures` are further ones of the shifts.
    """

    figures: Figures | None = None
    chain: Chain | None = None
    shifts: tuple[Shift, ...] = ()
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, repr=False)
class Thesis(Displayed):
    """A thesis as its folder states it; signals, measures, audits and pages read names and days from it and from nowhere else."""

    id: str
    title: str
    question: str
    publisher: str
    date: pd.Timestamp
    language: str
    cited_as: tuple[str, ...]
    folder: Path
    universe: Universe
    roles: tuple[Role, ...] = ()
    windows: tuple[NamedWindow, ...] = ()
    loadings: tuple[Loading, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    factors: tuple[Factor, ...] = ()
    levels: tuple[Level, ...] = ()
    one_offs: tuple[OneOff, ...] = ()
    pages: Pages = Pages()
    demand: DemandRows | None = None

    @property
    def headline(self) -> str:
        """Id, title, publisher and date, in one line."""
        return f"Thesis {self.id}: {self.title} ({self.publisher}, {self.date:%Y-%m-%d})"

    def to_frame(self) -> pd.DataFrame:
        """Return basket × title, members, currency, and the day it was chosen."""
        rows = {row.name: (row.title, ", ".join(row.members), row.currency, row.chosen) for row in self.universe.baskets}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["title", "members", "currency", "chosen"]).rename_axis(
            "basket"
        )

    def has_roles(self, names: Sequence[str]) -> bool:
        """Return whether the thesis names every one of some roles."""
        return {*names} <= {role.name for role in self.roles}

    def role(self, name: str) -> Role:
        """Return a role by name; ConfigurationError with a near miss where the thesis names none."""
        for role in self.roles:
            if role.name == name:
                return role
        raise ConfigurationError(near_miss(f"role of thesis {self.id}", name, [role.name for role in self.roles]))

    def series(self, group: str | tuple[str, ...], metric: str) -> tuple[SeriesKey, ...]:
        """Return the series of a role by its name, or one metric's series of some entities."""
        return self.role(group).keys if isinstance(group, str) else tuple((entity, metric) for entity in group)

    @property
    def drawn_signals(self) -> tuple[str, ...]:
        """The signals that pages.toml names."""
        figures, chain = self.pages.figures, self.pages.chain
        named = [*((figures.excess, figures.ratio) if figures else ()), chain.signal if chain else ""]
        named += [row.signal for row in self.pages.shifts] + [row.signal for row in self.pages.measures]
        return tuple(name for name in named if name)

    def unit_of(self, signal: str) -> str:
        """Return the unit of a signal's value, as the pages say it."""
        rows: list[Shift | Chain] = [*self.pages.shifts, *([self.pages.chain] if self.pages.chain else [])]
        return next((row.unit for row in rows if row.signal == signal), "as a fraction")

    def cites_itself(self, source: str) -> bool:
        """Return whether a source is the thesis itself, which proves nothing of it."""
        return any(word in source for word in self.cited_as)

    @property
    def shipped(self) -> bool:
        """Whether the thesis lies within this package, whose files a run's ids cover already."""
        return self.folder.is_relative_to(SHIPPED)

    @property
    def source_folders(self) -> tuple[Path, ...]:
        """The folder of the thesis's own sources, where it has one."""
        folder = self.folder / "sources"
        return (folder,) if folder.is_dir() else ()

    @property
    def files(self) -> list[Path]:
        """The files of the folder that a run depends on; none of a shipped thesis."""
        return [] if self.shipped else sorted(path for pattern in OWN_FILES for path in self.folder.glob(pattern))

    @property
    def windows_id(self) -> str:
        """The hash of the file that fixes the windows."""
        return _file_id(self.folder / "windows.toml")

    @property
    def hypotheses_id(self) -> str:
        """The hash of the file that registers the hypotheses."""
        return _file_id(self.folder / "hypotheses.toml")


def load_thesis(named: str | Path | None = None) -> Thesis:
    """Return a thesis by its id, or by its folder or a folder that points to one; None is the one this package names first.

    ConfigurationError by file, row and field, and with a near miss for an id that no folder has.
    """
    return _read(*_stamped(_folder(named)))


def find_thesis(named: str | Path | None, near: Path) -> Thesis:
    """Return the thesis that is named, else by BACKTEST_THESIS, else the nearest above a path, else the package's first."""
    chosen = named or os.environ.get(VARIABLE)
    if chosen:
        return load_thesis(chosen)
    above = near.absolute()
    for folder in (above, *above.parents):
        if (folder / FILE).is_file():
            return load_thesis(folder)
    return load_thesis()


def shipped_theses() -> dict[str, Path]:
    """Return the folders of the theses within this package, by id."""
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob(f"*/{FILE}"))}


def _folder(named: str | Path | None) -> Path:
    """Return the folder of a thesis, pointers followed."""
    if named is None:
        return _pointed(SHIPPED)
    known = shipped_theses()
    if str(named) in known:
        return known[str(named)]
    folder = Path(named).absolute()
    if not (folder / FILE).is_file():
        hint = near_miss("thesis", str(named), [*known])
        raise ConfigurationError(f"{hint}, or a folder with a {FILE}")
    return _pointed(folder)


def _pointed(folder: Path) -> Path:
    """Return the folder that a thesis.toml with `use` points to, or the folder itself."""
    content = read_toml(folder / FILE)
    if "use" not in content:
        return folder.resolve()
    target = content["use"]
    if not isinstance(target, str) or set(content) != {"use"}:
        raise ConfigurationError(f"{folder / FILE}: expected a [thesis] table, or `use` alone with an id or a folder")
    known = shipped_theses()
    pointed = known.get(target, (folder / target).resolve())
    if pointed == folder.resolve() or not (pointed / FILE).is_file():
        hint = near_miss("thesis", target, [*known])
        raise ConfigurationError(f"{folder / FILE}: use: {hint}, or a folder with a {FILE}")
    return _pointed(pointed)


def _stamped(folder: Path) -> tuple[Path, str]:
    """Return a folder with a hash of its rows, so that one that was edited is read again; the package's stay as they are."""
    if folder.is_relative_to(SHIPPED):
        return folder, ""
    rows = [*folder.glob("*.toml"), *folder.glob("markets/*.toml")]
    return folder, content_id([path.read_bytes() for path in sorted(rows) if path.is_file()])


@lru_cache(maxsize=16)
def _read(folder: Path, _stamp: str) -> Thesis:
    content = read_toml(folder / FILE)
    if set(content) != {"thesis"} or not isinstance(content["thesis"], dict):
        raise ConfigurationError(f"{folder / FILE}: expected one [thesis] table with id, title, question, publisher, date, ...")
    header = parsed_row(Header, content["thesis"], FILE)
    universe = load_universe(folder, header.themes)
    thesis = Thesis(
        id=header.id,
        title=header.title,
        question=header.question,
        publisher=header.publisher,
        date=pd.Timestamp(header.date),
        language=header.language,
        cited_as=header.cited_as,
        folder=folder,
        universe=universe,
        roles=_rows(folder, "roles", "role", Role, "name"),
        windows=_rows(folder, "windows", "window", NamedWindow, "name"),
        loadings=_loadings(folder, universe),
        hypotheses=_hypotheses(folder),
        factors=_rows(folder, "factors", "factor", Factor, "name"),
        levels=_rows(folder, "levels", "level", Level, "key"),
        one_offs=_rows(folder, "one_offs", "one_off", OneOff),
        pages=_pages(folder),
        demand=load_demand(folder),
    )
    _check_factors(thesis)
    _check_levels(thesis, header.themes)
    return thesis


def _rows(folder: Path, kind: str, heading: str, model: type[Model], key: str = "") -> tuple[Model, ...]:
    """Return the rows of a file that a thesis may lack."""
    path = folder / f"{kind}.toml"
    return read_rows(path, heading, model, key) if path.exists() else ()


def _loadings(folder: Path, universe: Universe) -> tuple[Loading, ...]:
    """Return the loadings in file order, each for a basket that exists and none twice."""
    rows = _rows(folder, "loadings", "loading", Loading)
    names = [basket.name for basket in universe.baskets]
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=1):
        if row.theme not in names:
            raise ConfigurationError(f"loadings.toml row {number}: theme: {near_miss('basket', row.theme, names)}")
        if (row.theme, row.trend) in seen:
            raise ConfigurationError(f"loadings.toml row {number}: {row.theme} has a loading on {row.trend} in a row before")
        seen.add((row.theme, row.trend))
    return rows


def _hypotheses(folder: Path) -> tuple[Hypothesis, ...]:
    """Return the registered hypotheses in file order, no strategy and null twice."""
    rows = _rows(folder, "hypotheses", "hypothesis", Hypothesis)
    pairs = [(row.strategy, row.null) for row in rows]
    for number, pair in enumerate(pairs):
        if pair in pairs[:number]:
            raise ConfigurationError(f"hypotheses.toml row {number + 1}: strategy and null are those of a row before")
    return rows


def _check_factors(thesis: Thesis) -> None:
    tickers, markets = list(thesis.universe.market_and_currency()), list(thesis.universe.markets)
    for number, row in enumerate(thesis.factors, start=1):
        if row.ticker not in tickers:
            hint = near_miss("supplier or benchmark", row.ticker, tickers)
            raise ConfigurationError(f"factors.toml row {number}: ticker: {hint}")
        if row.market and row.market not in markets:
            raise ConfigurationError(f"factors.toml row {number}: market: {near_miss('market', row.market, markets)}")


def _check_levels(thesis: Thesis, themes: Sequence[str]) -> None:
    """Refuse a level of a role or a theme that there is not, and a theme that hangs on two levels."""
    roles, seen = [role.name for role in thesis.roles], set[str]()
    for number, row in enumerate(thesis.levels, start=1):
        if row.role not in roles:
            raise ConfigurationError(f"levels.toml row {number}: role: {near_miss('role', row.role, roles)}")
        for theme in row.themes:
            if theme not in themes:
                raise ConfigurationError(f"levels.toml row {number}: themes: {near_miss('theme', theme, list(themes))}")
            if theme in seen:
                raise ConfigurationError(f"levels.toml row {number}: themes: '{theme}' stands twice; expected each theme once")
            seen.add(theme)


def _pages(folder: Path) -> Pages:
    """Return what pages.toml says, nothing where there is none."""
    path = folder / "pages.toml"
    if not path.exists():
        return Pages()
    tables = read_tables(path, "figures", "chain", "shift", "measure")
    figures = [parsed_row(Figures, row, f"pages.toml figures {number}") for number, row in enumerate(tables["figures"], start=1)]
    chains = [parsed_row(Chain, row, f"pages.toml chain {number}") for number, row in enumerate(tables["chain"], start=1)]
    shifts = [parsed_row(Shift, row, f"pages.toml shift {number}") for number, row in enumerate(tables["shift"], start=1)]
    measures = [parsed_row(Measure, row, f"pages.toml measure {number}") for number, row in enumerate(tables["measure"], start=1)]
    if len(figures) > 1 or len(chains) > 1:
        raise ConfigurationError("pages.toml: expected at most one [[figures]] row and one [[chain]] row")
    drawn = [row.signal for row in shifts]
    for number, measure in enumerate(measures, start=1):
        if measure.of not in drawn:
            raise ConfigurationError(f"pages.toml measure {number}: of: {near_miss('signal of a shift', measure.of, drawn)}")
    return Pages(figures[0] if figures else None, chains[0] if chains else None, tuple(shifts), tuple(measures))


def _file_id(path: Path) -> str:
    return content_id([path.read_bytes()] if path.exists() else [])
