"""What the product does: one function per action, called by tasks, services and the command."""
