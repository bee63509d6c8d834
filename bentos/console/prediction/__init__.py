"""Try it: a form made from what a version knows, its answer, and what-if pictures."""
