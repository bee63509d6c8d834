"""Garbage collection that does not stop the service."""

import gc


def tune_gc() -> None:
    """Exclude what is loaded from collections, whose pauses grow with what they examine."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
