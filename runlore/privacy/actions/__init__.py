"""What the product does for privacy."""
