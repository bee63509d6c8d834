"""Pages of content: personas, and one with its scores and what came of them."""
