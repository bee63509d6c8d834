"""Join an answer to the run that it was about, and to that run's outcome.

Sources use names again (docs/adr/0002), and an answer holds only the name. It belongs to the run
that was submitted nearest to its `as_of`, among those not known to have ended before it.
"""

from typing import Literal

Which = Literal["latest", "first"]

ENDED = "e.status NOT IN ('submitted', 'running')"
# Which fact gives the end of a run. "first" is the first that says how it ended; no correction
# changes it.
TELLS: dict[Which, tuple[str, str]] = {
    "latest": (ENDED, "e.known_at DESC, e.seq DESC"),
    "first": (f"{ENDED} AND e.status <> 'unknown'", "e.known_at, e.seq"),
}

# How long the run of `came` took; the same as `features.columns.Results` measures.
SECONDS = """coalesce(CAST(extract(epoch FROM came.finished - came.started) AS float8),
    CASE WHEN jsonb_typeof(came.outcome -> 'duration_s') = 'number'
        AND CAST(came.outcome -> 'duration_s' AS float8) BETWEEN 0 AND 1e38
    THEN CAST(came.outcome -> 'duration_s' AS float8) END)"""

JOIN = """
LEFT JOIN LATERAL (
    SELECT e.submitted FROM runlore.executions AS e
    WHERE e.source = {answer}.source AND e.source_id = {answer}.source_id
        AND e.submission_known_at <= {at}
    GROUP BY e.submitted
    HAVING coalesce(min(e.known_at) FILTER (WHERE {ended}), 'infinity') >= {answer}.as_of
    ORDER BY abs(extract(epoch FROM e.submitted - {answer}.as_of)), e.submitted DESC LIMIT 1
) AS run ON true LEFT JOIN LATERAL (
    SELECT e.*, min(e.known_at) OVER () AS end_known_at FROM runlore.executions AS e
    WHERE e.source = {answer}.source AND e.source_id = {answer}.source_id
        AND e.submitted = run.submitted AND {tells} AND e.known_at <= {at}
    ORDER BY {order} LIMIT 1
) AS came ON true
"""


def join(answer: str, at: str, which: Which = "latest") -> str:
    """Joins `run.submitted`, NULL where no run is known, and the fact `came` that gives its end.

    answer: of a relation with `source`, `source_id` and `as_of`. at: what became known later is
    not known. `came.end_known_at`: when some end became known first. Each answer is looked up by
    the primary key, in all months: it costs more with every month, but not with their rows.
    """
    tells, order = TELLS[which]
    return JOIN.format(answer=answer, at=at, ended=ENDED, tells=tells, order=order)
