"""The pages of limits: when series reach them."""
