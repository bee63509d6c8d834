"""The log of executions as it is read: for training, checks and answers."""
