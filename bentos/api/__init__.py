"""Runlore's own routes."""
