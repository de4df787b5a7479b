"""`python -m backtest`, the same as `capex-backtest`."""

from backtest.cli.app import main as main

if __name__ == "__main__":
    main()
