"""What the product does with series."""
