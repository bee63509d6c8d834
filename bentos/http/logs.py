"""The log of the service, on standard error."""

import logging
import os

from runlore.kernel.log_lines import make_formatter

SERVICE = "serving"


def configure_logging() -> None:
    """Show the log of Runlore, unless somebody has configured it already.

    Our own processes have, by `runlore.process.begin`; `bentoml serve` has not.
    """
    log = logging.getLogger("runlore")
    _enable()
    if log.handlers or (log.propagate and log.level):
        return
    handler = logging.StreamHandler()
    handler.setFormatter(make_formatter(SERVICE, os.environ))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False  # BentoML shows what reaches the root, too


def _enable() -> None:
    """BentoML's own configuration of logging has disabled every logger that was there before."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "runlore" and isinstance(logger, logging.Logger):
            logger.disabled = False
