"""What ingest does: one function per action."""
