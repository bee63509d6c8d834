"""Capacity as data: pools and when they are open."""
