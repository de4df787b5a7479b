"""The page of a sweep, from the table of its settings and its document: one file per question a reader asks of a search."""
