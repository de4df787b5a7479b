"""What `import backtest` offers: functions over the values of the modules below, which the commands call too."""
