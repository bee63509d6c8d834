"""Executions: search, and the story of one."""
