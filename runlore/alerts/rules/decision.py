"""A decision that only a person can take: the finding that asks for it, and what is pending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.state import AlertEpisode

KIND = "decision"


@dataclass(frozen=True)
class DecisionRequest:
    """Something waits for a person. command: what to type; it, or what comes to the same, ends it.

    subject: a spec, or a version of one.
    """

    subject: str
    what: str
    command: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PendingDecision:
    """A decision that nobody has taken yet, as people read it."""

    subject: str
    what: str
    command: str
    since: datetime


def finding(request: DecisionRequest) -> AlertFinding:
    """
    >>> finding(DecisionRequest("risk version 2", "it waits", "runlore rollout start risk")).advice
    'decide: runlore rollout start risk'
    """
    return AlertFinding(
        KIND,
        request.subject,
        Severity.INFO,
        request.what,
        "certain",
        f"decide: {request.command}",
        evidence={**request.evidence, "command": request.command},
    )


def pending(alert: AlertEpisode) -> PendingDecision:
    """Read an open alert of this kind."""
    command = str(alert.evidence.get("command", ""))
    return PendingDecision(alert.subject, alert.what, command, alert.since)
