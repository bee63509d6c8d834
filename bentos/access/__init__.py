"""Who may come in: keys, rate limits, browser checks."""
