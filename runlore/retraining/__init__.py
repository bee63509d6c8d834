"""When to train again, within a budget."""
