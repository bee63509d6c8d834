"""What a new project may borrow from others, and when not to."""
