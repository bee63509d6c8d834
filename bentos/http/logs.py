"""The log of the service, on standard error."""

import logging

LINE = "%(asctime)s %(levelname)s %(message)s"


def configure_logging() -> None:
    """Show the log of Runlore, unless somebody has configured it already."""
    log = logging.getLogger("runlore")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(LINE, "%Y-%m-%dT%H:%M:%S%z"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False  # BentoML shows what reaches the root, too
