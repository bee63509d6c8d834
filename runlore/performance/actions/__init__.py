"""What performance does: one function per action."""
