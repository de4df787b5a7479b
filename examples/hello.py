"""An idea in a few lines: the theme whose prices rose most, run under full market rules. Needs no network."""

import backtest as bt


def strongest(panel, days=60):
    """Score each ticker by its return over some sessions, as known at the panel's moment."""
    closes = panel.prices.ffill()
    return closes.iloc[-1] / closes.iloc[-days] - 1.0


archive = bt.load_archive()
spec = bt.build_spec(
    name="strongest_theme", baskets=("optical", "copper", "PCB", "GPU", "ASIC"), together=True, base="USD",
    signals=(strongest,), weights=bt.weights.Rotation(top=1),
)  # fmt: skip
result = bt.run(spec, archive)
print(result)
print(result.books["strongest_theme"].statistics[["total_return", "sharpe", "max_drawdown"]])
