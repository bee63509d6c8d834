"""Error budgets and how fast they burn."""
