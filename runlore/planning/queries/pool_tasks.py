"""Tasks of some kinds as they were known at an instant, for the demand that they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray

from runlore.store.engine import Store

MOST_TASKS = 400_000
TASKS: LiteralString = """
SELECT kind, (extract(epoch FROM submitted) * 1e6)::bigint,
    coalesce((extract(epoch FROM start) * 1e6)::bigint, -1),
    coalesce((extract(epoch FROM ended) * 1e6)::bigint, -1),
    coalesce(slots, 1)
FROM (
    SELECT kind, submitted, ended, slots,
        CASE WHEN coalesce(started, ended - took * interval '1 second') <= %(as_of)s
            THEN coalesce(started, ended - took * interval '1 second') END AS start
    FROM (
        SELECT DISTINCT ON (source, source_id, submitted) kind, submitted, started,
            CASE WHEN known_at <= %(as_of)s THEN finished END AS ended,
            CASE WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
                THEN (outcome ->> 'duration_s')::float8 END AS took,
            CASE WHEN jsonb_typeof(inputs -> %(slots)s::text) = 'number'
                THEN (inputs ->> %(slots)s::text)::float8 END AS slots
        FROM runlore.executions
        WHERE submitted >= %(since)s AND submitted <= %(as_of)s
            AND submission_known_at <= %(as_of)s
            AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))
        ORDER BY source, source_id, submitted, known_at <= %(as_of)s DESC, revision DESC
    ) AS latest
) AS timed
WHERE ended IS NULL OR start IS NOT NULL
ORDER BY submitted DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, eq=False)
class TaskColumns:
    """By submission. start, end: microseconds since 1970; -1: not known yet."""

    kinds: NDArray[np.object_]
    submitted: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    slots: NDArray[np.float64]


def read_task_columns(
    store: Store, kinds: Sequence[str], slots_input: str, since: datetime, as_of: datetime
) -> TaskColumns:
    """Those submitted since an instant; the newest MOST_TASKS. kinds: none: all.

    What ended without ever having run is left out.
    """
    wanted = {
        "kinds": list(kinds) or None,
        "slots": slots_input,
        "since": since,
        "as_of": as_of,
        "limit": MOST_TASKS,
    }
    with store.connect() as connection:
        rows: list[tuple[Any, ...]] = connection.execute(TASKS, wanted).fetchall()[::-1]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    kinds, submitted, start, end, slots = columns
    return TaskColumns(
        np.array(kinds, dtype=object),
        np.array(submitted, dtype=np.int64),
        np.array(start, dtype=np.int64),
        np.array(end, dtype=np.int64),
        np.array(slots, dtype=np.float64),
    )
