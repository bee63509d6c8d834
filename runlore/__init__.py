"""Runlore learns from what your systems did, and predicts what they will do next."""

__version__ = "0.1.0"
