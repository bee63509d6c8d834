"""Lasting changes of level."""
