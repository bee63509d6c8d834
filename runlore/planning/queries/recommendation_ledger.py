"""The ledger of recommendations: what was recommended, decided, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.store.engine import Store

INSERT: LiteralString = """
INSERT INTO runlore.recommendations
    (issued_at, actor, project, kind, input, value, action, measure, evidence)
VALUES (%(issued_at)s, %(actor)s, %(project)s, %(kind)s, %(input)s, %(value)s, %(action)s,
    %(measure)s, %(evidence)s)
ON CONFLICT DO NOTHING
"""
LIST: LiteralString = """
SELECT one.id, issued_at, one.actor, project, kind, input, value, action, measure, evidence,
    decision, decided_at, decision.actor AS decided_by, reason
FROM runlore.recommendations AS one
LEFT JOIN runlore.recommendation_decisions AS decision
    ON recommendation_id = one.id AND decided_at <= %(as_of)s
WHERE issued_at <= %(as_of)s AND (%(project)s::text IS NULL OR project = %(project)s)
ORDER BY one.id DESC LIMIT %(limit)s
"""
DECIDE: LiteralString = """
INSERT INTO runlore.recommendation_decisions
    (recommendation_id, decided_at, decision, actor, reason)
SELECT id, %(at)s, %(decision)s, %(actor)s, %(reason)s FROM runlore.recommendations
WHERE id = %(id)s
ON CONFLICT DO NOTHING
"""
IS_THERE: LiteralString = "SELECT FROM runlore.recommendations WHERE id = %(id)s"
CAME_OF_IT: LiteralString = """
WITH advice AS (
    SELECT one.id, project, kind, input, value, coalesce(decision, 'none') AS decision,
        coalesce(decided_at, issued_at) AS since
    FROM runlore.recommendations AS one
    LEFT JOIN runlore.recommendation_decisions
        ON recommendation_id = one.id AND decided_at <= %(as_of)s
    WHERE issued_at <= %(as_of)s
),
run AS (
    SELECT DISTINCT ON (source, source_id, submitted)
        scope, kind, inputs, status, started, finished, submitted
    FROM runlore.executions
    WHERE known_at <= %(as_of)s AND scope IN (SELECT project FROM advice)
        AND submitted > (SELECT min(since) FROM advice) - %(window)s
    ORDER BY source, source_id, submitted, revision DESC
)
SELECT advice.id, advice.decision, submitted >= since AS is_after, count(*) AS runs,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE inputs ->> input = value) AS with_value,
    exp(avg(ln(extract(epoch FROM finished - started)::float8))
        FILTER (WHERE status = 'succeeded' AND finished > started)) AS duration_s
FROM advice JOIN run ON run.scope = project AND run.kind = advice.kind
    AND run.submitted BETWEEN since - %(window)s AND since + %(window)s
WHERE status IN ('succeeded', 'failed')
GROUP BY advice.id, advice.decision, is_after
"""


@dataclass(frozen=True)
class NewRecommendation:
    project: str
    kind: str
    input: str
    value: str
    action: str
    measure: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class LedgerRecommendation:
    """decision: follow or dismiss; None: nobody has decided yet."""

    id: int
    issued_at: datetime
    actor: str
    project: str
    kind: str
    input: str
    value: str
    action: str
    measure: str
    evidence: Mapping[str, Any]
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True)
class OutcomeCount:
    """Runs of a recommendation's kind in its project. duration_s: the geometric mean."""

    id: int
    decision: str
    is_after: bool
    runs: int
    failed: int
    with_value: int
    duration_s: float | None


def insert_recommendations(
    store: Store, made: Sequence[NewRecommendation], actor: str, at: datetime
) -> None:
    """Those that the project has not had yet."""
    with store.connect() as connection, connection.transaction():
        for one in made:
            values = {**vars(one), "evidence": Jsonb(dict(one.evidence))}
            connection.execute(INSERT, {**values, "actor": actor, "issued_at": at})


def read_recommendations(
    store: Store, as_of: datetime, project: str | None, limit: int
) -> list[LedgerRecommendation]:
    """The newest first."""
    wanted = {"as_of": as_of, "project": project, "limit": limit}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(LedgerRecommendation))
        return cursor.execute(LIST, wanted).fetchall()


def insert_decision(store: Store, number: int, decision: str, why: Mapping[str, Any]) -> bool:
    """why: at, actor and reason. False where it was decided before, or is unknown."""
    with store.connect() as connection:
        values = {"id": number, "decision": decision, **why}
        return connection.execute(DECIDE, values).rowcount > 0


def is_recommendation(store: Store, number: int) -> bool:
    with store.connect() as connection:
        return connection.execute(IS_THERE, {"id": number}).fetchone() is not None


def count_outcomes(store: Store, as_of: datetime, window: timedelta) -> list[OutcomeCount]:
    """window: before and after the decision, or the recommendation without one."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(OutcomeCount))
        return cursor.execute(CAME_OF_IT, {"as_of": as_of, "window": window}).fetchall()
