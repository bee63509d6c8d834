"""What the product does for planning."""
