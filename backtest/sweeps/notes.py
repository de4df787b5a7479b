"""What a sweep says of its data in sentences."""

from backtest.prices import Prices
from backtest.runs.notes import without_opens
from backtest.sweeps.settings import Settings
from backtest.thesis.windows import Window
from backtest.universe import Universe


def open_notes(settings: Settings, prices: Prices, universe: Universe, whole: Window) -> tuple[str, ...]:
    """Return which tickers have closes and no opens in a window, where some setting fills at opens."""
    if "open" not in settings.grid.fields.get("fill", (settings[0][1].fill,)):
        return ()
    specs = [settings[number][1] for number in settings.scopes]
    tickers = sorted({ticker for spec in specs for book in spec.books for ticker in spec.tickers(book, universe)})
    sessions = {ticker: prices.sessions((prices.market[ticker],)) for ticker in tickers}
    notes = (
        without_opens(prices, ticker, days[(days >= whole.start) & (days <= whole.end)]) for ticker, days in sessions.items()
    )
    return tuple(note for note in notes if note)
