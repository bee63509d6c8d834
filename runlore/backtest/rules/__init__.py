"""Pure: a log replayed under a policy."""
