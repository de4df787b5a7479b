"""A series: one entity's figures of one metric, with the label, units and sign rule of the metric's row in metrics.toml."""

from typing import Literal, NamedTuple

from backtest.data.metrics import Metric, metric_named


class _Pair(NamedTuple):
    entity: str
    metric: str


class Series(_Pair):
    """What a panel's `fact` and `matrix` read; equal to the pair (entity, metric).

    metric: the name of a row of metrics.toml, or a Metric, such as one of `load_metrics(folder)` for rows of your own.

    Raises ConfigurationError with a near miss for a name that no row has. Whether the entity has such figures, the panel checks.
    Example: `Series("ABC", "large_csp_share_of_dc_revenue").units` is `("fraction",)`.
    """

    row: Metric

    def __new__(cls, entity: str, metric: str | Metric) -> "Series":
        """Return the series of an entity and a metric."""
        row = metric if isinstance(metric, Metric) else metric_named(metric)
        series = super().__new__(cls, entity, row.name)
        series.row = row
        return series

    def __getnewargs__(self) -> tuple[str, Metric]:
        return self.entity, self.row

    @property
    def label(self) -> str:
        """The metric in words."""
        return self.row.label

    @property
    def units(self) -> tuple[str, ...]:
        """The units its figures may have: one for each entity."""
        return self.row.units

    @property
    def sign(self) -> Literal["positive", "any"]:
        """The sign its figures must have."""
        return self.row.sign


def series_of(entities: tuple[str, ...], metric: str) -> tuple[Series, ...]:
    """Return one metric's series of several entities."""
    return tuple(Series(entity, metric) for entity in entities)
