"""From a file to the numbers of its page."""
