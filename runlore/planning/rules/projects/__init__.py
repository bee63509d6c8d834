"""Projects: tasks that wait for one another."""
