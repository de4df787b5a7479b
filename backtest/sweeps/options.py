"""The options of a sweep, checked when they are made."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backtest.errors import ConfigurationError
from backtest.files.messages import shown
from backtest.files.options import report_name
from backtest.sweeps.grid import Grid

Engine = Literal["local", "dask"]


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep does and writes. ConfigurationError for options that contradict each other.

    `strategy` is a file, None for one made elsewhere, `grid` a file or a grid, `out` is the folder of the reports; `command` is
    how to do it again. With `resume` whole chunks on disk are left; `shard` "I/N" evaluates a part of the chunks and gives no
    result; `merge` evaluates none. `trials` are ledgers to take in first, `workers` processes (None: one a core), `reports` how
    many full reports are written, and `tolerance` how far a figure may be from the baseline's. With a `tag` the sweep is in
    STRATEGY--TAG.
    """

    strategy: Path | None
    grid: Path | Grid
    out: Path
    command: str
    resume: bool = False
    merge: bool = False
    shard: str | None = None
    engine: Engine = "local"
    scheduler: str | None = None
    workers: int | None = None
    trials: tuple[Path, ...] = ()
    baseline: Path | None = None
    tolerance: float = 1e-9
    junit: Path | None = None
    summary: Path | None = None
    reports: int = 3
    tag: str | None = None

    def __post_init__(self) -> None:
        if self.scheduler and self.engine != "dask":
            raise ConfigurationError("--scheduler without --engine dask; expected both")
        report_name("", self.tag)
        if self.shard is not None:
            parse_shard(self.shard)
        if self.shard and self.merge:
            raise ConfigurationError("--shard and --merge; expected the shards first, then one --merge without --shard")

    def folder(self, strategy: str) -> Path:
        """Return the folder of a strategy's sweep."""
        return self.out / "sweeps" / report_name(strategy, self.tag)


def parse_shard(text: str) -> tuple[int, int]:
    """Return I and N of "I/N", I from 1 to N; ConfigurationError for anything else."""
    parts = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    part, count = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if not 1 <= part <= count:
        raise ConfigurationError(f"--shard is '{shown(text)}'; expected I/N with I from 1 to N, like 1/3")
    return part, count
