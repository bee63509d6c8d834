"""Runlore inside a Python program: `open` a home, then ingest, train, predict and explain."""
