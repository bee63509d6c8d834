"""Agents, tasks and messages in the words of Agent2Agent (A2A) 1.0."""
