"""What the loop did last for each spec: drift, performance, retraining, rollout, versions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

EVENTS = text("""
SELECT DISTINCT ON (spec, subject) spec, subject, at, what FROM (
    SELECT spec, 'drift' AS subject, at, coalesce(reasons[1], 'windows are compared') AS what
    FROM runlore.drift_results
    WHERE column_name = '*' AND statistic = 'drifted_share' AND replaced_at IS NULL
    UNION ALL
    SELECT spec, 'performance', at, CASE
        WHEN cardinality(reasons) > 0 THEN reasons[1]
        WHEN is_conclusive THEN 'scores keep their floors'
        ELSE 'too few outcomes for a verdict' END
    FROM runlore.performance_looks
    UNION ALL
    SELECT request.spec, 'retraining', state.at, state.state || ': ' || state.reason
    FROM runlore.retraining_states AS state
    JOIN runlore.retrainings AS request ON request.id = state.retraining_id
    UNION ALL
    SELECT rollout.spec, 'rollout', decision.at,
        decision.action || ' at ' || decision.step || ' %: ' || coalesce(decision.reasons[1], '')
    FROM runlore.rollout_decisions AS decision
    JOIN runlore.rollouts AS rollout ON rollout.id = decision.rollout_id
    UNION ALL
    SELECT spec, 'version', at,
        CASE WHEN version IS NULL THEN 'no version is @' || alias
        ELSE 'version ' || version || ' is @' || alias || ' (' || action || ')' END
    FROM runlore.alias_changes
) AS events
ORDER BY spec, subject, at DESC
""")


@dataclass(frozen=True)
class LoopEvent:
    """The newest event of one subject of a spec."""

    at: datetime
    spec: str
    subject: str
    what: str


def read_loop(connection: Connection) -> tuple[LoopEvent, ...]:
    """The newest first."""
    events = [
        LoopEvent(row.at, row.spec, row.subject, row.what) for row in connection.execute(EVENTS)
    ]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True))
