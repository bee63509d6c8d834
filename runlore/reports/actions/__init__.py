"""What reports do: one function per action."""
