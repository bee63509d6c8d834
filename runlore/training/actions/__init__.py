"""What training does: one function per action."""
