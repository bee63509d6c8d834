"""What a package is, and what stops one: no input or output."""
