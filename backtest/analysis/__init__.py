"""Why prices moved: growth and re-rating, the days of events and of surprises, and what demand came to."""
