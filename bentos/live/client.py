"""One client of the live stream: a place in it, what it subscribed, and why it must go."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bentos.live.window import Batch
from runlore.live.rules.stream import Cursor, Subscription

# Close codes of WebSocket: 1012 service restart, 4xxx are an application's own.
END_CODES = {"stopped": 1012, "slow": 4008, "refused": 4003, "history cut": 4010}
EndKind = Literal["stopped", "slow", "refused", "history cut"]
MessageKind = Literal["hello", "events", "heartbeat", "reload", "end"]


@dataclass(frozen=True)
class StreamEnd:
    """Why a client is sent away. reason: a sentence for people."""

    kind: EndKind
    reason: str

    @property
    def code(self) -> int:
        return END_CODES[self.kind]


@dataclass(frozen=True)
class LiveMessage:
    """What a client gets. The kind of an `end` whose history is cut is `reload`.

    is_current: whether the service hears of new events; false while the database is away.
    """

    kind: MessageKind
    cursor: Cursor
    batch: Batch | None = None
    ending: StreamEnd | None = None
    is_current: bool = True


@dataclass(eq=False)
class LiveClient:
    """seq: it knows everything up to here. check: why it may not stay; None: it may.

    is_new: it has not heard yet how far the stream is.
    is_behind: it has not caught up with the window yet, and reads from the database.
    busy_since: when the message that is being sent was handed over.
    """

    subscription: Subscription
    seq: int
    check: Callable[[], str | None]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_behind: bool = True
    is_new: bool = True
    is_beat_due: bool = False
    ending: StreamEnd | None = None
    busy_since: float | None = None
    sent_at: float = 0.0

    def end(self, kind: EndKind, reason: str) -> None:
        """Send it away with the first reason that there is."""
        if self.ending is None:
            self.ending = StreamEnd(kind, reason)
        self.wake.set()
