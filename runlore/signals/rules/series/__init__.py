"""Series on a grid of steps."""
