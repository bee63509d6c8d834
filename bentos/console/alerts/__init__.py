"""Alerts: what is open and what was, with the buttons to take them on, close and silence them."""
