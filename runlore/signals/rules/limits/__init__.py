"""When a series reaches a limit."""
