"""Service objectives: how much of each error budget is left, and how fast it burns."""
