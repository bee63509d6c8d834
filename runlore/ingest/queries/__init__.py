"""The SQL of ingest."""
