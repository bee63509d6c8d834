"""What retraining does: one function per action."""
