"""Rollouts: the ramp from challenger to champion, decided by evidence."""
