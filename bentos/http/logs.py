"""What the service says to whoever runs it: on standard error, a line each."""

import logging

LINE = "%(asctime)s %(levelname)s %(message)s"


def speak() -> None:
    """Let the log of Runlore be seen, unless somebody has arranged for it already."""
    log = logging.getLogger("runlore")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(LINE, "%Y-%m-%dT%H:%M:%S%z"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False  # BentoML shows what reaches the root, too
