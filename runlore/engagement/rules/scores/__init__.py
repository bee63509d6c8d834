"""Scores of content: 0 to 100 beside comparable posts, and what each score promises."""
