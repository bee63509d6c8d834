"""Decisions of planning: pure, without input or output."""
