"""`runlore ab`."""
