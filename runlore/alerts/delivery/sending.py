"""Send one message to one channel, once; errors hold none of the channel's secrets."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.alerts.delivery.apprised import notify
from runlore.alerts.delivery.channels import (
    Alertmanager,
    AnyChannel,
    Apprise,
    Discord,
    Email,
    PagerDuty,
    Slack,
    Webhook,
)
from runlore.alerts.delivery.mailing import mail
from runlore.alerts.delivery.posting import PostResponse, post
from runlore.alerts.rules import payloads
from runlore.alerts.rules.alertmanager import postable_alerts
from runlore.alerts.rules.finding import line
from runlore.alerts.rules.message import Message
from runlore.alerts.rules.payloads import MessageAttachment
from runlore.kernel.errors import Unavailable, describe

LONGEST_ERROR = 300
SHORTEST_SECRET = 4
ALERTMANAGER_PATH = "/api/v2/alerts"


class DeliveryFailed(Unavailable):
    """An attempt without a confirmed arrival. retry_after_s: of the Retry-After header, 0: none."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class OutgoingMessage:
    """A message to deliver. name: unique to this delivery, the same at each attempt.

    attachments: only e-mail has them; other channels get the text.
    """

    message: Message
    name: str
    at: datetime
    attachments: tuple[MessageAttachment, ...] = ()


def send(channel: AnyChannel, letter: OutgoingMessage) -> None:
    """Send a message to a channel. Raises DeliveryFailed."""
    try:
        _send(channel, letter)
    except DeliveryFailed as error:
        raise DeliveryFailed(masked(str(error), channel), error.retry_after_s) from None
    except TimeoutError:
        raise DeliveryFailed("no answer in time") from None
    except Exception as error:  # noqa: BLE001  (whatever a plugin meets, it did not arrive)
        raise DeliveryFailed(masked(describe(error), channel)) from None


def masked(text: str, channel: AnyChannel) -> str:
    """A text as one line, without the channel's secrets."""
    parts = {part for secret in channel.secrets for part in _parts(secret)}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "…")
    return line(text, LONGEST_ERROR)


def _parts(secret: str) -> set[str]:
    """A secret and, of an address, what follows its host, as a whole and in pieces.

    >>> sorted(_parts("https://host.example/hooks/hush"))
    ['/hooks/hush', 'hooks', 'https://host.example/hooks/hush', 'hush']
    """
    _, _, rest = secret.partition("://")
    path = rest[rest.find("/") :] if "/" in rest else ""
    user = rest.rpartition("@")[0]
    pieces = {secret, path, *re.split(r"[/?&=:@,]+", f"{path}@{user}")}
    return {piece for piece in pieces if len(piece) >= SHORTEST_SECRET}


def _send(channel: AnyChannel, letter: OutgoingMessage) -> None:
    message = letter.message
    match channel:
        case Email():
            written = payloads.email(message, channel.sender, channel.to, letter.name, letter.at)
            mail(channel, payloads.attach(written, letter.attachments))
        case Apprise():
            if not notify(channel.url.get_secret_value(), message):
                raise DeliveryFailed("Apprise could not deliver it")
        case Alertmanager():
            _check(_to_alertmanager(channel, message, letter.at))
        case _:
            _post(channel, _body(channel, message), letter.name)


def _to_alertmanager(channel: Alertmanager, message: Message, at: datetime) -> PostResponse:
    headers = {}
    if channel.token is not None:
        headers["Authorization"] = f"Bearer {channel.token.get_secret_value()}"
    elif channel.password is not None:
        pair = f"{channel.user}:{channel.password.get_secret_value()}".encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    url = channel.url.get_secret_value().rstrip("/") + ALERTMANAGER_PATH
    return post(url, postable_alerts(message, at), headers)


def _body(channel: Slack | Discord | PagerDuty | Webhook, message: Message) -> dict[str, Any]:
    match channel:
        case Slack():
            return payloads.slack(message)
        case Discord():
            return payloads.discord(message)
        case PagerDuty():
            return payloads.pagerduty(message, channel.routing_key.get_secret_value())
        case Webhook():
            return payloads.webhook(message)


def _post(
    channel: Slack | Discord | PagerDuty | Webhook, body: Mapping[str, Any], name: str
) -> None:
    headers = {"Idempotency-Key": name}
    if isinstance(channel, Webhook) and channel.token is not None:
        headers["Authorization"] = f"Bearer {channel.token.get_secret_value()}"
    _check(post(channel.url.get_secret_value(), body, headers))


def _check(answer: PostResponse) -> None:
    if 300 <= answer.status < 400:
        raise DeliveryFailed(f"answered {answer.status}: redirects are not followed")
    if not 200 <= answer.status < 300:
        raise DeliveryFailed(
            f"answered {answer.status} {answer.body}".strip(), answer.retry_after_s
        )
