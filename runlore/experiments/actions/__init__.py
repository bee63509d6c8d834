"""What A/B tests do: one function per action."""
