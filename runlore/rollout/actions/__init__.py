"""What rollouts do: one function per action."""
