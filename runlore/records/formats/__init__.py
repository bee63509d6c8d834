"""Logs in their own formats, read into records a chunk at a time: pure, vectorised, no input or
output. What cannot be read is refused with its line, a reason and the text."""
