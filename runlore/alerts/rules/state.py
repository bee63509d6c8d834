"""How an alert changes: (state, finding, instant) -> (state, history entry, what to send).

An episode of a cause lasts from its opening to its resolution. People are notified at once of the
first one, and of whatever is worse than what they know. A cause that comes back soon is flapping:
people are notified only when it stays open, for longer each time, so that it is never lost and
never pages twice in a row. Causes that a silence covers are recorded, and nothing is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.durations import DAY_S

Event = Literal["opened", "returned", "escalated", "eased", "acknowledged", "resolved"]
TROUBLE: tuple[Event, ...] = ("opened", "returned", "escalated")
QUIET = "a quiet finding"


@dataclass(frozen=True)
class Silence:
    """A period in which matching alerts are not sent.

    kind, subject: patterns with `*`, `?` and `[…]`. ended_at: when somebody ended it early.
    """

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
    """Whether an active silence's patterns match a cause; upper and lower case differ."""
    fits = fnmatchcase(kind, silence.kind) and fnmatchcase(subject, silence.subject)
    return fits and silence.is_active(now)


@dataclass(frozen=True)
class RenotifyPolicy:
    """How long a cause that comes back is held before people are notified of it again.

    memory_s: a cause that was quiet for longer opens anew. first_s: the hold of the first return.
    Each further return multiplies it by `factor`, up to `longest_s`.
    """

    memory_s: float = 7 * DAY_S
    first_s: Mapping[Severity, float] = field(
        default_factory=lambda: {
            Severity.INFO: 7200.0,
            Severity.WARNING: 1800.0,
            Severity.CRITICAL: 300.0,
        }
    )
    factor: float = 4.0
    longest_s: float = 3 * DAY_S

    def hold_s(self, severity: Severity, returns: int) -> float:
        """Seconds to hold a return. returns: 1 for the first.

        >>> [RenotifyPolicy().hold_s(Severity.WARNING, returns) / 60 for returns in (1, 2, 9)]
        [30.0, 120.0, 4320.0]
        """
        return min(self.first_s[severity] * self.factor ** min(returns - 1, 50), self.longest_s)


USUAL = RenotifyPolicy()


@dataclass(frozen=True)
class AlertEpisode:
    """An episode of a cause: open until `resolved_at`. The fields are the columns of `anomalies`.

    count: findings so far. returns: how often the cause came back within `memory_s`.
    told: the gravest severity that people were notified of in this episode. known: the same over
    all episodes of this run of returns.
    """

    id: int
    kind: str
    subject: str
    severity: Severity
    what: str
    certainty: str
    advice: str
    since: datetime
    evidence: Mapping[str, Any]
    opened_at: datetime
    seen_at: datetime
    count: int = 1
    returns: int = 0
    told: Severity | None = None
    known: Severity | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


@dataclass(frozen=True)
class AlertStep:
    """The alert as it is now; the event to record, if any; whether and when to notify people.

    hold_s: None: nothing is sent; 0: at once; otherwise only if the alert stays open for so long.
    """

    alert: AlertEpisode
    event: Event | None = None
    hold_s: float | None = None


NEW = 0  # the id of an alert that the store has not numbered yet


def observe(
    last: AlertEpisode | None, finding: AlertFinding, at: datetime, patience: RenotifyPolicy = USUAL
) -> AlertStep:
    """Open an alert for a finding, or count it. last: the newest episode of its cause, if any."""
    if last is not None and last.is_open:
        return _again(last, finding, at, patience)
    alert = AlertEpisode(
        NEW,
        finding.kind,
        finding.subject,
        finding.severity,
        finding.what,
        finding.certainty,
        finding.advice,
        finding.since or at,
        finding.evidence,
        opened_at=at,
        seen_at=at,
    )
    if last is None or _quiet_s(last, at) >= patience.memory_s:
        return AlertStep(alert, "opened", 0.0)
    alert = replace(alert, returns=last.returns + 1, known=last.known)
    is_news = _is_worse(alert.severity, alert.known)
    hold_s = 0.0 if is_news else patience.hold_s(alert.severity, alert.returns)
    return AlertStep(alert, "returned", hold_s)


def _again(
    alert: AlertEpisode, finding: AlertFinding, at: datetime, patience: RenotifyPolicy
) -> AlertStep:
    """Count a finding; people are notified at once only when it is worse than all they know.

    What is worse than they know from this episode, but not from earlier ones, is held like a
    return: until the episode has lasted so long, and at least `first_s`.
    """
    if at < alert.seen_at:
        return AlertStep(replace(alert, count=alert.count + 1))
    seen = replace(
        alert,
        severity=finding.severity,
        what=finding.what,
        certainty=finding.certainty,
        advice=finding.advice,
        since=min(alert.since, finding.since or at),
        evidence=finding.evidence,
        seen_at=at,
        count=alert.count + 1,
    )
    if finding.severity.rank < alert.severity.rank:
        return AlertStep(seen, "eased")
    if finding.severity.rank == alert.severity.rank:
        return AlertStep(seen)
    if not _is_worse(finding.severity, alert.told):
        return AlertStep(seen, "escalated")
    unheard = replace(seen, acknowledged_at=None, acknowledged_by=None, note=None)
    if _is_worse(finding.severity, alert.known):
        return AlertStep(unheard, "escalated", 0.0)
    lasted_s = (at - alert.opened_at).total_seconds()
    hold_s = patience.hold_s(finding.severity, alert.returns) - lasted_s
    return AlertStep(unheard, "escalated", max(hold_s, patience.first_s[finding.severity]))


def resolve(alert: AlertEpisode, at: datetime, by: str = QUIET) -> AlertStep:
    """End an alert. A quiet finding that is older than the newest finding changes nothing."""
    if not alert.is_open or (by == QUIET and at < alert.seen_at):
        return AlertStep(alert)
    return AlertStep(replace(alert, resolved_at=at, resolved_by=by), "resolved", 0.0)


def acknowledge(alert: AlertEpisode, at: datetime, by: str, note: str = "") -> AlertStep:
    """Record that somebody takes care of an alert."""
    if not alert.is_open:
        return AlertStep(alert)
    known = replace(alert, acknowledged_at=at, acknowledged_by=by, note=note or None)
    return AlertStep(known, "acknowledged", 0.0)


def mark_notified(alert: AlertEpisode, severity: Severity) -> AlertEpisode:
    """Record that people are notified of an alert at this severity."""
    return replace(
        alert, told=_gravest(alert.told, severity), known=_gravest(alert.known, severity)
    )


def _quiet_s(last: AlertEpisode, at: datetime) -> float:
    return 0.0 if last.resolved_at is None else (at - last.resolved_at).total_seconds()


def _is_worse(severity: Severity, known: Severity | None) -> bool:
    return known is None or severity.rank > known.rank


def _gravest(one: Severity | None, other: Severity) -> Severity:
    return other if _is_worse(other, one) else one or other
