"""Commands about predictions and the versions that serve them."""
