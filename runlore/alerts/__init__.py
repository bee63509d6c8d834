"""One alert per cause: how it opens, changes and ends, and when people are notified of it.

Pure: states and findings in, states and messages out. `alerts/queries/alerts.py` remembers them,
`runlore/delivery/` sends the messages.
"""
