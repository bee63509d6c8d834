"""Estimates: what a task would take, from a form."""
