"""The log: what was brought in, what was rejected, and undo."""
