"""`runlore ingest`."""
