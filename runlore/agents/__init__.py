"""One task, one owner: a registry of agents, and their work queue on PostgreSQL."""
