"""Advice, visits and security of a period, as a report says it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runlore.kernel.readable import readable_number, readable_share


@dataclass(frozen=True)
class AdviceRow:
    """Advice of one lever and measure, given or decided in the period.

    did_runs, did_failed: runs since then that did as advised; others_runs, others_failed: that did
    not. Both are counted as they were scored last, whether or not a person decided.
    """

    lever: str
    measure: str
    given: int
    followed: int
    dismissed: int
    withdrawn: int
    did_runs: int
    did_failed: int
    others_runs: int
    others_failed: int


@dataclass(frozen=True)
class VisitRow:
    """A visit that was due in the period: issued in it, settled in it, or open before its end.

    state: open, visited, failed, neither, or dismissed. risk_week: when it was issued.
    """

    scope: str
    issued_at: datetime
    visit_at: datetime | None
    risk_week: float | None
    state: str
    state_at: datetime | None


@dataclass(frozen=True)
class SecurityRow:
    """A cause of security incidents that stood in the period. until: None: it was not over."""

    cause: str
    level: str
    what: str
    since: datetime
    until: datetime | None
    events: int


@dataclass(frozen=True)
class AdvicePart:
    advice: list[AdviceRow] = field(default_factory=list)
    visits: list[VisitRow] = field(default_factory=list)
    security: list[SecurityRow] = field(default_factory=list)


def advice_sentences(part: AdvicePart) -> list[str]:
    """For the beginning of the report; nothing of what did not occur."""
    return [*_advice(part.advice), *_visits(part.visits), *_security(part.security)]


def _advice(rows: Sequence[AdviceRow]) -> Iterator[str]:
    given, followed, dismissed, withdrawn = (
        sum(getattr(row, name) for row in rows)
        for name in ("given", "followed", "dismissed", "withdrawn")
    )
    if not rows:
        return
    text = (
        f"Advice: {readable_number(given)} given, {readable_number(followed)} followed,"
        f" {readable_number(dismissed)} dismissed, {readable_number(withdrawn)} withdrawn"
    )
    failures = [row for row in rows if row.measure == "failures"]
    did, others = (sum(getattr(row, f"{name}_runs") for row in failures) for name in WHO)
    if did and others:
        shares = [
            readable_share(sum(getattr(row, f"{name}_failed") for row in failures) / runs)
            for name, runs in zip(WHO, (did, others), strict=True)
        ]
        text += f"; runs as advised failed in {shares[0]}, others in {shares[1]}, unmatched"
    yield f"{text}."


WHO = ("did", "others")


def _visits(rows: Sequence[VisitRow]) -> Iterator[str]:
    if not rows:
        return
    words = {"visited": "made", "failed": "failed first", "open": "open"}
    counts = [(word, sum(row.state == state for row in rows)) for state, word in words.items()]
    parts = [f"{readable_number(n)} {word}" for word, n in counts if n]
    number = len(rows)
    noun = "visit to a host or device was" if number == 1 else "visits to hosts and devices were"
    yield f"{readable_number(number)} {noun} due{': ' if parts else ''}{', '.join(parts)}."


def _security(rows: Sequence[SecurityRow]) -> Iterator[str]:
    if not rows:
        return
    standing = sum(row.until is None for row in rows)
    worst = sum(row.level in {"high", "critical"} for row in rows)
    noun = "cause of security alerts" if len(rows) == 1 else "causes of security alerts"
    rest = "none was open at the end" if not standing else f"{readable_number(standing)} open"
    yield (
        f"{readable_number(len(rows))} {noun}, {readable_number(worst)} of level high or critical;"
        f" {rest}."
    )
