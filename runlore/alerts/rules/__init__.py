"""Pure: when an alert opens, rises, is released and ends."""
