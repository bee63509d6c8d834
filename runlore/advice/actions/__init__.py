"""What the product does for advice."""
