"""Send through Apprise, which knows some hundred other services. The only `import apprise`."""

from runlore.alerts.message import Message
from runlore.alerts.state import TROUBLE

CONNECT_S, READ_S = 4.0, 6.0


def notify(url: str, message: Message) -> bool:
    """Whether it was taken; Apprise says no more. ValueError: it does not know such an address."""
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log whole addresses
    asset = apprise.AppriseAsset(
        app_id="Runlore",
        app_desc="Runlore",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    channel = apprise.Apprise.instantiate(url, asset=asset)
    if channel is None:
        raise ValueError("Apprise does not know such an address")
    channel.socket_connect_timeout, channel.socket_read_timeout = CONNECT_S, READ_S
    channel.redirects, channel.verify_certificate = False, True
    kind = {"resolved": apprise.NotifyType.SUCCESS, "acknowledged": apprise.NotifyType.INFO}
    worst = apprise.NotifyType.FAILURE if message.event in TROUBLE else apprise.NotifyType.INFO
    told = kind.get(str(message.event), worst)
    return bool(channel.notify(body=message.text, title=message.title, notify_type=told))
