"""Agents: who they are, what they have shown, and what they do."""
