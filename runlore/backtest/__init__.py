"""What would have been, had versions been retrained by one policy or another: pure."""
