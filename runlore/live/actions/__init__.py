"""Number events, follow them, and read how everything stands."""
