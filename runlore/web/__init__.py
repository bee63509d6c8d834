"""What stands in front of every page and API of the stack: login, browser checks, limits."""
