"""Why prices moved: growth and re-rating, the days of events and of surprises, what demand came to; what books have in common."""
