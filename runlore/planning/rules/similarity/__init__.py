"""How alike projects are, part by part."""
