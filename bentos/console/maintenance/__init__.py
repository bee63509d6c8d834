"""Visits that cost least, and how scopes fail with age."""
