"""Visits that were due, and what came of them, as people and programs read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runlore.advice.actions.due_visits import is_dismissed, state_of, visit_record
from runlore.advice.queries.advice_ledger import LedgerAdvice, read_visit_advice
from runlore.advice.rules.maintenance.visit_outcome import VisitRecord, VisitState
from runlore.kernel.instants import parse
from runlore.kernel.readable import readable_number, readable_share
from runlore.store.engine import Store


@dataclass(frozen=True)
class DueVisit:
    """because: `visit`, or `risk` of a failure within seven days. risk_week, risk_horizon: when it
    was issued. state_at: of the visit or failure."""

    id: int
    scope: str
    spec: str
    issued_at: datetime
    because: str
    visit_at: datetime | None
    risk_week: float | None
    risk_horizon: float | None
    state: VisitState
    state_at: datetime | None
    is_dismissed: bool
    reason: str | None


@dataclass(frozen=True)
class DueVisits:
    """visits: the newest first."""

    as_of: datetime
    record: VisitRecord
    text: str
    visits: tuple[DueVisit, ...]


def due_visits(store: Store, as_of: datetime, scope: str | None = None) -> DueVisits:
    """scope: the visits of only this one; the record is of all."""
    record = visit_record(store, as_of)
    rows = tuple(_show(one) for one in read_visit_advice(store, as_of, scope))
    return DueVisits(as_of, record, record_text(record), rows)


def record_text(record: VisitRecord) -> str:
    """
    >>> record_text(VisitRecord(9, 5, 2, 1, 1, 0, 2.6))
    '9 visits were due: 5 made, 2 failed first, 1 neither, 1 open; 2 failures, 2.6 foreseen.'
    """
    if not record.due:
        return "No visit was due yet."
    were = "visit was" if record.due == 1 else "visits were"
    text = (
        f"{record.due} {were} due: {record.visited} made, {record.failed} failed first,"
        f" {record.neither} neither, {record.open} open"
    )
    if record.due == record.open:
        return f"{text}."
    failures = "1 failure" if record.failed == 1 else f"{record.failed} failures"
    return f"{text}; {failures}, {readable_number(record.foreseen)} foreseen."


def tabulate_visit(row: DueVisit) -> Mapping[str, object]:
    return {
        "id": row.id,
        "scope": row.scope,
        "issued": f"{row.issued_at:%Y-%m-%d}",
        "visit": None if row.visit_at is None else f"{row.visit_at:%Y-%m-%d %H:%M}",
        "risk, week": None if row.risk_week is None else readable_share(row.risk_week),
        "state": "dismissed" if row.is_dismissed and row.state == "open" else row.state,
        "on": None if row.state_at is None else f"{row.state_at:%Y-%m-%d}",
    }


def _show(one: LedgerAdvice) -> DueVisit:
    evidence, score = one.evidence, one.score or {}
    return DueVisit(
        id=one.id,
        scope=one.subject,
        spec=evidence["spec"],
        issued_at=one.issued_at,
        because=evidence["because"],
        visit_at=_instant(evidence["visit_at"]),
        risk_week=evidence["risk_week"],
        risk_horizon=evidence["risk_horizon"],
        state=state_of(one),
        state_at=_instant(score.get("at")),
        is_dismissed=is_dismissed(one),
        reason=one.reason,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse(text)
