"""Runs of a simulated actor, written to a store."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from runlore.advice.rules.recommendations.run_log import RunLog
from runlore.store import partitions, schema
from runlore.store.engine import Store


def write_runs(store: Store, log: RunLog, shift: timedelta, actor: str = "ann") -> None:
    """shift: of all instants. Outcomes are known when the run ends."""
    rows = []
    inputs = log.inputs.astype(object).to_dict("records")
    for at, given in enumerate(inputs):
        begin = datetime.fromtimestamp(log.submitted_s[at], UTC) + shift
        end = datetime.fromtimestamp(log.finished_s[at], UTC) + shift
        rows.append(
            {
                "source": "advised",
                "source_id": f"{actor}-{begin.isoformat()}-{at}",
                "submitted": begin,
                "revision": 0,
                "actor": actor,
                "kind": log.kind[at],
                "scope": log.scope[at],
                "inputs": given,
                "started": begin,
                "finished": end,
                "status": "failed" if log.failed[at] else "succeeded",
                "outcome": {},
                "submission_known_at": begin,
                "known_at": end,
                "digest": at,
            }
        )
    first, last = rows[0]["submitted"], rows[-1]["submitted"]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", first, last)
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)
