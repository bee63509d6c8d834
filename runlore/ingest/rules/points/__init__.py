"""Points of series as they come over the network, made ready to be recorded."""
