"""The reports' SQL."""
