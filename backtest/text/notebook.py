"""What a notebook shows of a value: one line, and a table below it."""

from abc import ABC, abstractmethod
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20  # of a table in a notebook: the first and the last ten of a longer one
MOST_LETTERS = 60  # of a text in a cell


class Displayed(ABC):
    """A value that says what it is in one line, and has its figures in a table."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """What the value is, in one line."""

    @abstractmethod
    def to_frame(self) -> "pd.DataFrame":
        """Return the figures as a table."""

    def shown_table(self) -> "pd.DataFrame":
        """Return the table that a notebook shows, by default all figures."""
        return self.to_frame()

    def __repr__(self) -> str:
        return f"<{self.headline}>"

    def _repr_html_(self) -> str:
        return html_of(self.headline, self.shown_table())


def html_of(headline: str, table: "pd.DataFrame") -> str:
    """Return a line and a table as HTML; every text is escaped, and no style or script is added."""
    import pandas as pd

    with pd.option_context("display.max_colwidth", MOST_LETTERS):
        body = table.to_html(border=0, max_rows=MOST_ROWS, na_rep="–", float_format="{:,.4g}".format)
    return f"<p>{escape(headline)}</p>\n{body}"
