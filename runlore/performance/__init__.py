"""How good the answers are that were given: measured on what came, or estimated before it."""
