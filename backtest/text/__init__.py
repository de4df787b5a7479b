"""Texts for a terminal and in Markdown."""
