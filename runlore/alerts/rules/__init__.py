"""Pure rules: when an alert opens, escalates, is sent and ends."""
