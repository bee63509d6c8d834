"""SQL of engagement."""
