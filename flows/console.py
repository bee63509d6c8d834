"""What a person at a terminal sees of a run: a line a step. The server is told all of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler

ROUTINE = ("Beginning flow run", "View at ", "Finished in state Completed")
# The command says itself what failed, in words; these repeat it as Python writes exceptions.
REPEATED = ("Encountered exception during execution", "Finished in state Failed")
LINE = logging.Formatter("   %(message)s")


class News(logging.Filter):
    """Keeps out what every run says, and what the command says better at its end."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith((*ROUTINE, *REPEATED))


@contextmanager
def brief() -> Iterator[None]:
    """Shorten what runs in this process print until the block ends."""
    setup_logging()
    handlers = [h for h in logging.getLogger().handlers if isinstance(h, PrefectConsoleHandler)]
    before = [handler.formatter for handler in handlers]
    news = News()
    for handler in handlers:
        handler.addFilter(news)
        handler.setFormatter(LINE)
    try:
        yield
    finally:
        for handler, formatter in zip(handlers, before, strict=True):
            handler.removeFilter(news)
            handler.setFormatter(formatter)
