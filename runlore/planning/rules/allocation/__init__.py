"""Tasks to pools and times."""
