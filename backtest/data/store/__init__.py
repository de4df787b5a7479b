"""The live store: answers and rows that are only ever added to, and what is done with them."""
