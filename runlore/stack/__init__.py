"""The processes around Runlore: declared as data, started together, watched, stopped together."""

from runlore.stack.running import Stack, running

__all__ = ["Stack", "running"]
