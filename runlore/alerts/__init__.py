"""One alert per cause: how it opens, changes and ends, and when people are notified of it.

`rules` decide, `queries` store alerts and the outbox, `delivery` sends the messages.
"""
