"""The sentences of the thesis and the measures that test them."""
