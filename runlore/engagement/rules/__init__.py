"""Rules of engagement."""
