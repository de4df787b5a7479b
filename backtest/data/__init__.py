"""Figures and prices: `archive` opens them, `sources` read them, `store` keeps what was pulled.

`price_checks` and `figure_checks` check those of every source.
"""
