"""Who gets which variant, what came of it, and whether that is enough to decide."""
