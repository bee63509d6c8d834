"""Nothing is sent of the causes that a silence covers, until it ends; they are still on record."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Silence:
    """kind, subject: patterns with `*`, `?` and `[…]`. ended_at: when somebody ended it early."""

    id: int
    kind: str
    subject: str
    until: datetime
    actor: str
    reason: str
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def is_active(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.until


def covers(silence: Silence, kind: str, subject: str, now: datetime) -> bool:
    fits = fnmatchcase(kind, silence.kind) and fnmatchcase(subject, silence.subject)
    return fits and silence.is_active(now)
