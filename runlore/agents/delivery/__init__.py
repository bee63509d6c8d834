"""Reach agents of others: read their cards, and send them tasks."""
