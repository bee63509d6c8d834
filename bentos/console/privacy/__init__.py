"""Privacy: what answers about all personas may still tell."""
