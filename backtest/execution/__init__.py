"""Orders under each market's rules: conditions of a session, sizes and fills, costs, and what came late or not at all."""
