"""What serving does: one function per action."""
