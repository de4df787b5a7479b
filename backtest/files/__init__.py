"""What a user writes and what we hand back: rows and options read with one-line faults, JSON and sealed files written."""
