"""Charts as inline SVG, each drawn once for a wide and once for a narrow page."""
