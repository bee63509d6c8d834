"""A rollout as people read it."""
