"""What to change about a post: searched on most weeks, estimated with the rest."""
