"""Plans: which task runs where and when."""
