"""What comes next, and how sure that is."""
