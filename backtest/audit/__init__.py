"""How much of a run is luck, and whether any of it was seen too early: one file per question, one result for the report."""
