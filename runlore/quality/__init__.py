"""Is a batch of executions fit to learn from? Pure: a log and a contract in, findings out."""
