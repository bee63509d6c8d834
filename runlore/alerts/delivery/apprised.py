"""Send through Apprise, which knows some hundred other services. The only `import apprise`."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlore.alerts.rules.message import Message
from runlore.alerts.rules.state import TROUBLE

if TYPE_CHECKING:
    import apprise

CONNECT_S, READ_S = 4.0, 6.0


# They log whole addresses, in which there are secrets.
LOGGERS = ("apprise", "urllib3.connectionpool")


def notify(url: str, message: Message) -> bool:
    """Whether Apprise accepted the message. Raises ValueError for an unknown kind of address."""
    import apprise

    kinds = {"resolved": apprise.NotifyType.SUCCESS, "acknowledged": apprise.NotifyType.INFO}
    usual = apprise.NotifyType.FAILURE if message.event in TROUBLE else apprise.NotifyType.INFO
    kind = kinds.get(str(message.event), usual)
    with _unlogged():
        channel = _channel(url)
        return bool(channel.notify(body=message.text, title=message.title, notify_type=kind))


def _channel(url: str) -> "apprise.NotifyBase":
    """Verified, without redirects, and without anything on this machine's disk."""
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Runlore",
        app_desc="Runlore",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    channel = apprise.Apprise.instantiate(url, asset=asset)
    if channel is None:
        raise ValueError("Apprise does not know such an address")
    channel.socket_connect_timeout, channel.socket_read_timeout = CONNECT_S, READ_S
    channel.redirects, channel.verify_certificate = False, True
    return channel


@contextmanager
def _unlogged() -> Iterator[None]:
    """Drop what this thread logs meanwhile."""
    here = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != here

    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(is_of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_others)
