"""Causes: why failures rose."""
