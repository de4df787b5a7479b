"""The sections of a strategy's page: each a file with a function `section(result)`."""
