"""A/B tests: all of them, and one with its intervals, its looks and its buttons."""
