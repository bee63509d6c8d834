"""Bring logs and metrics in."""
