"""What the thesis names: its windows."""
