"""The tools, and the chat that uses them."""
