"""What is decided about the rows of a log, from what."""
