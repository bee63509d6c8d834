"""The stream of events as pure rules: cursors, what is kept, and its words."""
