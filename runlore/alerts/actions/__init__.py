"""What alerts do: one function per action."""
