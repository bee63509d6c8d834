"""SQL about agents and tasks: one statement per step."""
