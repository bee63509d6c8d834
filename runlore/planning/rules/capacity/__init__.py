"""Demand, when it exceeds capacity, and how long tasks wait."""
