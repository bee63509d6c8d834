"""The ledger of advice: what was advised, decided, looked at, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.store.engine import Store

MOST_LISTED = 1_000
MOST_VISITS = 5_000
VISIT = "maintenance"  # the lever of advice to visit a scope
Decision = Literal["follow", "dismiss", "withdraw"]

INSERT: LiteralString = """
INSERT INTO runlore.advice_ledger
    (issued_at, actor, subject_type, subject, kind, lever, value, action, measure, evidence)
VALUES (%(issued_at)s, %(actor)s, %(subject_type)s, %(subject)s, %(kind)s, %(lever)s, %(value)s,
    %(action)s, %(measure)s, %(evidence)s)
ON CONFLICT DO NOTHING
"""
LOOK: LiteralString = """
INSERT INTO runlore.advice_looks
    (subject_type, subject, look, looked_at, runs, compared, alpha, reason)
VALUES (%(subject_type)s, %(subject)s, %(look)s, %(looked_at)s, %(runs)s, %(compared)s, %(alpha)s,
    %(reason)s)
ON CONFLICT DO NOTHING
"""
LAST_LOOK: LiteralString = """
SELECT subject_type, subject, look, looked_at, runs, compared, alpha, reason
FROM runlore.advice_looks
WHERE subject_type = %(subject_type)s AND subject = %(subject)s AND looked_at <= %(as_of)s
ORDER BY look DESC LIMIT 1
"""
LIST: LiteralString = """
SELECT one.id, issued_at, one.actor, subject_type, subject, kind, lever, value, action, measure,
    evidence, decided.decision, decided.decided_at, decided.actor AS decided_by, decided.reason,
    withdrawn.decided_at AS withdrawn_at, withdrawn.reason AS withdrawn_because, score
FROM runlore.advice_ledger AS one
LEFT JOIN runlore.advice_decisions AS decided ON decided.advice_id = one.id
    AND decided.decision <> 'withdraw' AND decided.decided_at <= %(as_of)s
LEFT JOIN runlore.advice_decisions AS withdrawn ON withdrawn.advice_id = one.id
    AND withdrawn.decision = 'withdraw' AND withdrawn.decided_at <= %(as_of)s
LEFT JOIN LATERAL (
    SELECT score FROM runlore.advice_scores
    WHERE advice_id = one.id AND scored_at <= %(as_of)s ORDER BY scored_at DESC LIMIT 1
) AS scored ON true
WHERE issued_at <= %(as_of)s
    AND CASE WHEN %(subject_type)s::text IS NULL THEN subject_type <> 'persona'
        ELSE subject_type = %(subject_type)s END
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (lever = 'maintenance') = %(is_visits)s
ORDER BY one.id DESC LIMIT %(limit)s
"""
DECIDE: LiteralString = """
INSERT INTO runlore.advice_decisions (advice_id, decided_at, decision, actor, reason)
SELECT id, %(at)s, %(decision)s, %(actor)s, %(reason)s FROM runlore.advice_ledger
WHERE id = %(id)s
ON CONFLICT DO NOTHING
"""
SCORE: LiteralString = """
INSERT INTO runlore.advice_scores (advice_id, scored_at, score)
VALUES (%(id)s, %(at)s, %(score)s) ON CONFLICT DO NOTHING
"""
IS_THERE: LiteralString = "SELECT FROM runlore.advice_ledger WHERE id = %(id)s"


@dataclass(frozen=True)
class NewAdvice:
    """kind: whose runs; empty: of all kinds. action: use or avoid."""

    subject_type: str
    subject: str
    kind: str
    lever: str
    value: str
    action: str
    measure: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class LedgerAdvice:
    """decision: follow or dismiss; None: nobody has decided. score: of the last scoring."""

    id: int
    issued_at: datetime
    actor: str
    subject_type: str
    subject: str
    kind: str
    lever: str
    value: str
    action: str
    measure: str
    evidence: Mapping[str, Any]
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    withdrawn_at: datetime | None
    withdrawn_because: str | None
    score: Mapping[str, Any] | None

    @property
    def family(self) -> str:
        """The lever without the name of an input."""
        return self.lever.partition(":")[0]


@dataclass(frozen=True)
class AdviceLook:
    """compared: how many comparisons were searched. reason: why nothing held."""

    subject_type: str
    subject: str
    look: int
    looked_at: datetime
    runs: int
    compared: int
    alpha: float
    reason: str


def insert_look(store: Store, look: AdviceLook, made: Sequence[NewAdvice], actor: str) -> None:
    """With what held. Another process that looked at the same time is left alone."""
    with store.connect() as connection, connection.transaction():
        if not connection.execute(LOOK, vars(look)).rowcount:
            return
        _insert(connection, made, actor, look.looked_at)


def read_last_look(
    store: Store, subject_type: str, subject: str, as_of: datetime
) -> AdviceLook | None:
    values = {"subject_type": subject_type, "subject": subject, "as_of": as_of}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(AdviceLook))
        return cursor.execute(LAST_LOOK, values).fetchone()


def read_advice(
    store: Store, as_of: datetime, subject: tuple[str | None, str | None], limit: int
) -> list[LedgerAdvice]:
    """The newest first, without visits. subject: its type and name; None: of all but personas."""
    return _read(store, as_of, subject, limit, is_visits=False)


def read_visit_advice(
    store: Store, as_of: datetime, scope: str | None = None
) -> list[LedgerAdvice]:
    """Visits that were due, the newest first, at most MOST_VISITS. scope: None: of all."""
    return _read(store, as_of, ("scope", scope), MOST_VISITS, is_visits=True)


def insert_visits(store: Store, made: Sequence[NewAdvice], actor: str, at: datetime) -> None:
    """Visits that are due; one that is there is left as it is."""
    with store.connect() as connection, connection.transaction():
        _insert(connection, made, actor, at)


def insert_decision(store: Store, number: int, decision: Decision, why: Mapping[str, Any]) -> bool:
    """why: at, actor and reason. False where it was decided before, or is unknown."""
    with store.connect() as connection:
        values = {"id": number, "decision": decision, **why}
        return connection.execute(DECIDE, values).rowcount > 0


def insert_score(store: Store, number: int, at: datetime, score: Mapping[str, Any]) -> None:
    with store.connect() as connection:
        connection.execute(SCORE, {"id": number, "at": at, "score": Jsonb(dict(score))})


def is_advice(store: Store, number: int) -> bool:
    with store.connect() as connection:
        return connection.execute(IS_THERE, {"id": number}).fetchone() is not None


def _insert(
    connection: Connection[Any], made: Sequence[NewAdvice], actor: str, at: datetime
) -> None:
    for one in made:
        values = {**vars(one), "evidence": Jsonb(dict(one.evidence))}
        connection.execute(INSERT, {**values, "actor": actor, "issued_at": at})


def _read(
    store: Store,
    as_of: datetime,
    subject: tuple[str | None, str | None],
    limit: int,
    *,
    is_visits: bool,
) -> list[LedgerAdvice]:
    values = {
        "as_of": as_of,
        "subject_type": subject[0],
        "subject": subject[1],
        "limit": limit,
        "is_visits": is_visits,
    }
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(LedgerAdvice))
        return cursor.execute(LIST, values).fetchall()
