"""When a message is sent, to which channels, and when it is retried after a failure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.state import TROUBLE, AlertEpisode, Event, Silence, covers
from runlore.kernel.durations import DAY_S, HOUR_S

FIRST_S, FACTOR, LONGEST_S = 2.0, 2.0, 900.0
GIVE_UP_S = DAY_S
LONGEST_WISH_S = HOUR_S

# The kind of alerts about channels that cannot be reached; their subject is the channel.
DELIVERY = "delivery"

Decision = Literal["send", "wait", "drop"]


def pause_s(attempts: int, age_s: float, wished_s: float = 0.0) -> float | None:
    """Seconds until the next attempt; None when the message is given up.

    attempts: how many failed so far, at least 1. age_s: the message's age. wished_s: the receiver's
    Retry-After, which is heeded up to an hour.

    >>> [pause_s(attempts, age_s=60) for attempts in (1, 2, 3, 4, 20)]
    [2.0, 4.0, 8.0, 16.0, 900.0]
    >>> pause_s(1, 60, wished_s=30), pause_s(1, age_s=90_000)
    (30, None)
    """
    if age_s >= GIVE_UP_S:
        return None
    own = min(FIRST_S * FACTOR ** min(attempts - 1, 30), LONGEST_S)
    return max(own, min(wished_s, LONGEST_WISH_S))


@dataclass(frozen=True)
class Notice:
    """A message about an alert. is_held: sent only if the alert is still open when it is due."""

    id: int
    event: Event
    severity: Severity
    due_at: datetime
    is_held: bool = False
    is_newest: bool = True  # whether it is the newest waiting message about trouble


@dataclass(frozen=True)
class Channel:
    """A channel's routing. has_incidents: it takes acknowledgements too, as PagerDuty does."""

    name: str
    at_least: Severity = Severity.INFO
    has_incidents: bool = False


def decide(
    notice: Notice, alert: AlertEpisode, silences: Collection[Silence], now: datetime
) -> Decision:
    """Decide whether a notice is sent now, waits or is dropped.

    Only an alert's newest notice of trouble is sent, once it is due and unless a silence covers it.
    An immediate notice is sent even if the alert has ended since, unless it is `GIVE_UP_S` late; a
    held or silenced one is not. The end is sent only if people were notified of the trouble.
    """
    if notice.event not in TROUBLE:
        return "drop" if alert.told is None else "send"
    is_silenced = any(covers(silence, alert.kind, alert.subject, now) for silence in silences)
    is_withheld = notice.is_held or is_silenced
    is_settled = not alert.is_open or alert.acknowledged_at is not None
    is_stale = not alert.is_open and (now - notice.due_at).total_seconds() > GIVE_UP_S
    if not notice.is_newest or is_stale or (is_withheld and is_settled):
        return "drop"
    return "wait" if is_silenced or now < notice.due_at else "send"


def route(
    notice: Notice, alert: AlertEpisode, channels: Sequence[Channel], notified: Collection[str]
) -> list[str]:
    """Names of the channels that a notice goes to. notified: those that got this alert before."""
    about = alert.subject if alert.kind == DELIVERY else None
    open_to = [channel for channel in channels if channel.name != about]
    if notice.event == "acknowledged":
        return [
            channel.name
            for channel in open_to
            if channel.name in notified and channel.has_incidents
        ]
    if notice.event == "resolved":
        return [channel.name for channel in open_to if channel.name in notified]
    return [channel.name for channel in open_to if notice.severity.rank >= channel.at_least.rank]
