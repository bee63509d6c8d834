"""Jobs that have run, as a scheduler had to place them; as known at an instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray

from runlore.store.engine import Store

Floats = NDArray[np.float64]

JOBS: LiteralString = """
SELECT extract(epoch FROM submitted)::float8, extract(epoch FROM started)::float8,
    extract(epoch FROM finished)::float8, actor,
    CASE WHEN jsonb_typeof(inputs -> %(size)s::text) = 'number'
        THEN (inputs ->> %(size)s::text)::float8 END,
    CASE WHEN jsonb_typeof(inputs -> %(limit)s::text) = 'number'
        THEN (inputs ->> %(limit)s::text)::float8 END
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) *
    FROM runlore.executions
    WHERE known_at <= %(as_of)s
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(since)s::timestamptz IS NULL OR submitted >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR submitted < %(until)s)
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
WHERE started IS NOT NULL AND finished IS NOT NULL
ORDER BY submitted DESC, source, source_id LIMIT %(most)s
"""


@dataclass(frozen=True)
class JobFilter:
    """size, limit: names of inputs. most: of the newest ones."""

    as_of: datetime
    kind: str | None
    since: datetime | None
    until: datetime | None
    size: str | None
    limit: str | None
    most: int


@dataclass(frozen=True, eq=False)
class EndedJobs:
    """(n,) in the order of submission, seconds since 1970; size, limit_s: NaN where not known."""

    submitted_s: Floats
    started_s: Floats
    finished_s: Floats
    actors: tuple[str, ...]
    size: Floats
    limit_s: Floats


def read_ended_jobs(store: Store, chosen: JobFilter) -> EndedJobs:
    with store.connect() as connection:
        rows = connection.execute(JOBS, vars(chosen)).fetchall()[::-1]
    submitted, started, finished, actors, size, limit = (
        zip(*rows, strict=True) if rows else ((),) * 6
    )

    def numbers(values: tuple[float | None, ...]) -> Floats:
        return np.array(values, dtype=np.float64)

    return EndedJobs(
        numbers(submitted),
        numbers(started),
        numbers(finished),
        actors,
        numbers(size),
        numbers(limit),
    )
