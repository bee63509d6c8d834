"""SQL of advice."""
