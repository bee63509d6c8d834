"""Tasks of agents: the queue, and where one task went and why."""
