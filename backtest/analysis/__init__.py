"""Why prices moved: what happened on the days of events, of surprises, and what demand came to."""
