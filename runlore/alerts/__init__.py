"""One alert per cause: what it is, how it goes on, what people are told of it, and when again.

Pure: states and findings in, states and messages out. `alerts/queries/alerts.py` remembers them,
`runlore/delivery/` sends the messages.
"""
