"""How a series is read and forecast; no I/O."""
