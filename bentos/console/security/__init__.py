"""Attacks that rules find in logins, commands and changes."""
