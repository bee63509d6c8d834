"""Effects of an input that hold within projects, over several of them."""
