"""The page itself: HTML and drawings."""
