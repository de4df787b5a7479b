"""Sweeps: every setting of a grid under the engine's full rules, and what the search for the best of them is worth."""
