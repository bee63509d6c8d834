"""What quality checks do: one function per action."""
