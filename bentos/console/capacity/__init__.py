"""Load against capacity."""
