"""What deviates now: the series that moved together."""
