"""Statistics of returns: pure functions, one file per question."""
