"""What monitoring does: one function per action."""
