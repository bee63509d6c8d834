"""`runlore alerts`."""
