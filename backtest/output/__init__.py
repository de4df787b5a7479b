"""What a run leaves behind, and what is read back from it: publish, verify, compare, summary."""
