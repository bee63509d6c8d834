"""Monitoring's SQL."""
