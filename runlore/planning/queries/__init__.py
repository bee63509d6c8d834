"""SQL of planning."""
