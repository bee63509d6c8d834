"""Series: which there are, and what one of them will do next."""
