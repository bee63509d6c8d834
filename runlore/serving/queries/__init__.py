"""Serving's SQL."""
