"""Home: how each spec does, and what needs a decision."""
