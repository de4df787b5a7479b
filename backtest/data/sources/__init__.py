"""Where figures and prices come from: one file per source."""
