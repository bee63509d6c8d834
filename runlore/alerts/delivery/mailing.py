"""Send an e-mail once: bounded in time as a whole, TLS verified."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage

from runlore.alerts.delivery.channels import Email

STEP_S, TOTAL_S = 5.0, 10.0


def mail(channel: Email, message: EmailMessage) -> None:
    """Send an e-mail. Raises smtplib.SMTPException or OSError, TimeoutError when it is too slow."""
    context = ssl.create_default_context()
    with _connected(channel, context) as server, _ended_in_time(server):
        if channel.tls == "starttls":
            server.starttls(context=context)
        if channel.user is not None and channel.password is not None:
            server.login(channel.user, channel.password.get_secret_value())
        refused = server.send_message(message, channel.sender, list(channel.to))
    if refused:
        raise smtplib.SMTPRecipientsRefused(refused)


def _connected(channel: Email, context: ssl.SSLContext) -> smtplib.SMTP:
    """Connect; a server that greets slowly gets STEP_S for each of its bytes at most."""
    if channel.tls == "implicit":
        return smtplib.SMTP_SSL(channel.host, channel.port, timeout=STEP_S, context=context)
    return smtplib.SMTP(channel.host, channel.port, timeout=STEP_S)


@contextlib.contextmanager
def _ended_in_time(server: smtplib.SMTP) -> Iterator[None]:
    """Close the connection when the time is over: a server that drips would never end."""
    is_over = threading.Event()

    def shut() -> None:
        is_over.set()
        with contextlib.suppress(OSError):
            if server.sock is not None:
                server.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TOTAL_S, shut)
    timer.start()
    try:
        yield
    except (OSError, smtplib.SMTPException) as error:
        if is_over.is_set():
            raise TimeoutError(f"not done within {TOTAL_S:g} s") from error
        raise
    finally:
        timer.cancel()
