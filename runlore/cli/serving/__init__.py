"""Commands about answers, and about which version gives them."""
