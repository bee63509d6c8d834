"""The catalog as rows."""
