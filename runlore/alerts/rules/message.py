"""The message about an alert: what changed, since when, how sure that is, and what to do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.state import AlertEpisode, Event

MOST_EVIDENCE_BYTES = 8_000
UNSAID = "not said"
REPORT = "report"  # the event of a message that brings a report and is about no alert


@dataclass(frozen=True)
class Message:
    """One alert at one moment; all texts are single lines of bounded length."""

    alert: int
    event: Event | str
    kind: str
    subject: str
    severity: Severity
    what: str
    certainty: str
    advice: str
    since: datetime
    seen_at: datetime
    count: int
    returns: int
    by: str
    evidence: Mapping[str, Any]

    @property
    def title(self) -> str:
        """
        >>> example().title
        '[warning] drift of failure-risk'
        """
        if self.event == REPORT:
            return f"Report {self.subject}"
        word = self.event if self.event in ("resolved", "acknowledged") else str(self.severity)
        return f"[{word}] {self.kind} of {self.subject}"

    @property
    def cause(self) -> str:
        """The deduplication key: the same for every message about one cause."""
        return f"runlore/{self.kind}/{self.subject}"

    @property
    def command(self) -> str:
        what = "reports" if self.event == REPORT else "alerts"
        return f"runlore {what} show {self.alert}"

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """What a person reads below the title: (label, text)."""
        if self.event == REPORT:
            rows = [("Summary", self.what), ("Report", self.advice), ("Known", self.certainty)]
            return (*rows, ("More", self.command))
        seen = f"{self.count:,} times, last {shown(self.seen_at)}"
        if self.returns:
            seen += f"; came back {self.returns} times before"
        rows = [
            ("What changed", self.what or UNSAID),
            ("Since", shown(self.since)),
            ("How sure", self.certainty or UNSAID),
            ("What to do", self.advice or f"look at it: {self.command}"),
        ]
        if self.count > 1 or self.returns:
            rows.append(("Seen", seen))
        if self.by:
            rows.append((str(self.event).capitalize(), f"by {self.by}"))
        return (*rows, ("More", self.command))

    @property
    def text(self) -> str:
        return "\n".join(f"{label}: {text}" for label, text in self.lines)

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "severity": str(self.severity),
            "since": self.since.isoformat(),
            "seen_at": self.seen_at.isoformat(),
            "evidence": dict(self.evidence),
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Message":
        instants = {name: datetime.fromisoformat(data[name]) for name in ("since", "seen_at")}
        return cls(**{**data, **instants, "severity": Severity(data["severity"])})


def compose(alert: AlertEpisode, event: Event) -> Message:
    """Compose the message about an alert after an event."""
    by = {"resolved": alert.resolved_by, "acknowledged": alert.acknowledged_by}.get(event)
    return Message(
        alert.id,
        event,
        alert.kind,
        alert.subject,
        alert.severity,
        alert.what,
        alert.certainty,
        alert.advice,
        alert.since,
        alert.seen_at,
        alert.count,
        alert.returns,
        by or "",
        _bounded(alert.evidence),
    )


def shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def example() -> Message:
    """A test message, for trying a channel."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Message(
        0,
        "test",
        "drift",
        "failure-risk",
        Severity.WARNING,
        "nothing: this is a test of the channel",
        "certain",
        "nothing",
        at,
        at,
        1,
        0,
        "",
        {},
    )


def _bounded(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evidence, or its names where it is too long for a message."""
    if len(json.dumps(evidence, default=str)) <= MOST_EVIDENCE_BYTES:
        return evidence
    return {"left out": sorted(evidence)[:50]}
