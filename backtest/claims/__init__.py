"""The sentences of the thesis and the measures they are held against."""
