"""What the product does with content and its engagement."""
