"""The agents that come with Runlore. They run in this process, and need no other service."""
