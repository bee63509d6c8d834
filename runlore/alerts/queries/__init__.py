"""The alerts' SQL."""
