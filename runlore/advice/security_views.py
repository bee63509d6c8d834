"""Security incidents as people see them."""

from dataclasses import dataclass
from datetime import datetime

from runlore.advice.rules.security.incidents import RuleEvidence, SecurityIncident

CAUSE_WORDS = {"source.ip": "address", "user.name": "user", "host.name": "host"}


@dataclass(frozen=True)
class SecurityIncidentView:
    """cause, cause_kind: who or what it is about. finding: one sentence. advice: what to do."""

    cause: str
    cause_kind: str
    level: str
    finding: str
    advice: str
    events: int
    first_at: datetime
    last_at: datetime
    found_at: datetime
    rules: tuple[RuleEvidence, ...]
    users: tuple[str, ...]
    hosts: tuple[str, ...]
    sources: tuple[str, ...]
    event_ids: tuple[str, ...]
    is_cut: bool


def show_incident(one: SecurityIncident) -> SecurityIncidentView:
    return SecurityIncidentView(
        cause=one.cause,
        cause_kind=CAUSE_WORDS.get(one.field, one.field),
        level=one.level,
        finding=conclude(one),
        advice=advise(one),
        events=one.events,
        first_at=one.first_at,
        last_at=one.last_at,
        found_at=one.found_at,
        rules=one.rules,
        users=one.users,
        hosts=one.hosts,
        sources=one.sources,
        event_ids=one.event_ids,
        is_cut=one.is_cut,
    )


def conclude(one: SecurityIncident) -> str:
    """What was found, about whom, by how many events."""
    titles = [rule.title[:1].lower() + rule.title[1:] for rule in one.rules]
    shown = "; ".join(titles[:3]) + (f"; {len(titles) - 3} more" if len(titles) > 3 else "")
    word = CAUSE_WORDS.get(one.field, one.field)
    count = "1 event" if one.events == 1 else f"{one.events:,} events"
    return f"{word} {one.cause}: {shown} ({count})"


def advise(one: SecurityIncident) -> str:
    return next((rule.advice for rule in one.rules if rule.advice), "look at the events")


def tabulate(view: SecurityIncidentView) -> dict[str, object]:
    return {
        "level": view.level,
        "since": view.first_at,
        "until": view.last_at,
        "finding": view.finding,
        "hosts": view.hosts[:3],
        "users": view.users[:3],
    }
