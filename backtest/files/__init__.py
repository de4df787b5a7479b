"""Files and what a user writes: rows, options and JSON read with one-line errors; files hashed and written whole."""
