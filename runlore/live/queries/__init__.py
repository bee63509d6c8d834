"""The SQL of the live stream."""
