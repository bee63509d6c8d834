"""Engagement of published content: contexts, models, and what matters to them."""
