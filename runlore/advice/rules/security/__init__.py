"""Security events: Sigma rules, their evaluation, habits of actors, and incidents."""
