"""Health: how likely a day has no more failures than usual, and what says so."""
