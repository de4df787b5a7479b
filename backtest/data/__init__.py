"""Figures and prices: `archive` opens them, `sources` read them, `store` keeps what was pulled, one gate checks them all."""
