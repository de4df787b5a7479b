"""`python -m backtest --help`."""

from backtest.cli.app import main as main

if __name__ == "__main__":
    main()
