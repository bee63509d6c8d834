"""Projects as a map of likeness, and what has worked in others."""
