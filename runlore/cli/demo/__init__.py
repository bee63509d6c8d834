"""`runlore demo`: run every step once on a simulated log, with the real services."""
