"""The message in the receivers' formats: JSON for webhooks, and e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from runlore.alerts.rules.finding import Severity, line
from runlore.alerts.rules.message import Message
from runlore.alerts.rules.state import TROUBLE

Payload = dict[str, Any]
COLOURS = {Severity.INFO: 0x2F6FDE, Severity.WARNING: 0xE8A317, Severity.CRITICAL: 0xC62828}
OVER = 0x2E7D32
ACTIONS = {"resolved": "resolve", "acknowledged": "acknowledge"}

SLACK_HEADER, SLACK_TEXT = 150, 2900
DISCORD_TITLE, DISCORD_VALUE = 256, 1024
PAGERDUTY_SUMMARY, PAGERDUTY_KEY = 1024, 255
SUBJECT = 200


def slack(message: Message) -> Payload:
    """An incoming webhook's body: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

    All text is `plain_text`, in which nothing mentions anybody; `text` is what notifications show.
    """
    return {
        "text": _escaped(f"{message.title}: {message.what}"),
        "blocks": [
            {"type": "header", "text": _plain(line(message.title, SLACK_HEADER))},
            {"type": "section", "text": _plain(message.text[:SLACK_TEXT])},
        ],
    }


def discord(message: Message) -> Payload:
    """A webhook's body: https://discord.com/developers/docs/resources/webhook#execute-webhook"""
    colour = OVER if message.event == "resolved" else COLOURS[message.severity]
    return {
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": line(message.title, DISCORD_TITLE),
                "color": colour,
                "timestamp": message.seen_at.isoformat(),
                "fields": [
                    {"name": label, "value": line(text, DISCORD_VALUE)}
                    for label, text in message.lines
                ],
            }
        ],
    }


def pagerduty(message: Message, routing_key: str) -> Payload:
    """An event: https://developer.pagerduty.com/docs/send-alert-event

    The key of the cause lets a later event close the incident that an earlier one opened.
    """
    event: Payload = {
        "routing_key": routing_key,
        "event_action": ACTIONS.get(str(message.event), "trigger"),
        "dedup_key": _short_key(message.cause),
    }
    if event["event_action"] != "trigger":
        return event
    return event | {
        "client": "Runlore",
        "payload": {
            "summary": line(f"{message.title}: {message.what}", PAGERDUTY_SUMMARY),
            "source": message.subject,
            "severity": str(message.severity),
            "timestamp": message.seen_at.isoformat(),
            "component": message.subject,
            "class": message.kind,
            "custom_details": {**dict(message.lines), "evidence": dict(message.evidence)},
        },
    }


def webhook(message: Message) -> Payload:
    """The whole message for programs, as documented in docs/alerts.md."""
    return {
        **message.as_json(),
        "is_open": message.event in TROUBLE or message.event == "acknowledged",
        "cause": message.cause,
        "title": message.title,
        "text": message.text,
        "command": message.command,
    }


def email(
    message: Message, sender: str, to: tuple[str, ...], delivery: str, at: datetime
) -> EmailMessage:
    """An e-mail. delivery: the Message-ID's part that is the same at every attempt."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = line(f"{message.title}: {message.what}", SUBJECT)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{delivery}@runlore.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message.title}\n\n{message.text}\n")
    return mail


@dataclass(frozen=True)
class MessageAttachment:
    """A file in an e-mail. media_type: such as `application/pdf`."""

    name: str
    media_type: str
    content: bytes


def attach(mail: EmailMessage, attachments: Sequence[MessageAttachment]) -> EmailMessage:
    """The e-mail with its files."""
    for one in attachments:
        kind, _, part = one.media_type.partition("/")
        mail.add_attachment(one.content, maintype=kind, subtype=part, filename=one.name)
    return mail


def _plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Slack's three control characters; without them nobody is mentioned."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _short_key(cause: str) -> str:
    if len(cause) <= PAGERDUTY_KEY:
        return cause
    from hashlib import sha256

    return f"{cause[:180]}/{sha256(cause.encode()).hexdigest()}"
