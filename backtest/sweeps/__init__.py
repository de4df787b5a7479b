"""Sweeps: every setting of a grid under the full market rules of a run, and what the search for the best of them is worth."""
