"""What a run says of the interest on its cash."""

from collections.abc import Mapping

import pandas as pd

from backtest.execution.attribution import CASH
from backtest.formatting import percent
from backtest.markets.cash_rates import DAY_COUNT, CashRate, rates_within
from backtest.prices import Prices
from backtest.result import CashInterest

MOST_RATES = 3  # that a sentence names one by one


def cash_interest(prices: Prices, currency: str, sessions: pd.DatetimeIndex, profits: Mapping[str, pd.DataFrame]) -> CashInterest:
    """Return what the cash of a book earned, by which rows."""
    rates = rates_within(prices.cash_rates, currency, sessions[0], sessions[-1])
    price = profits["price"]
    interest = float(price[CASH].sum()) if CASH in price else 0.0
    return CashInterest(currency, rates, DAY_COUNT, interest, _sentence(currency, rates))


def _sentence(currency: str, rates: tuple[CashRate, ...]) -> str:
    if not rates:
        return f"Cash earns nothing: no rate is given for {currency}."
    each = [f"{percent(row.rate, 2, sign=False)} a year from {row.since} ({row.source})" for row in rates]
    if len(rates) > MOST_RATES:
        low, high = (percent(bound(row.rate for row in rates), 2, sign=False) for bound in (min, max))
        each = [f"{len(rates)} rates between {low} and {high} a year, from {rates[0].since} on (cash_rates.toml)"]
    return f"Cash in {currency} earns {', '.join(each)}, {DAY_COUNT}."
