"""What was learned to promise estimates, as it is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

NEWEST: LiteralString = """
SELECT id, learned_at, measure, tasks, document, scores, chances, quantiles
FROM runlore.promise_models
WHERE measure = %(measure)s AND learned_at <= %(as_of)s ORDER BY learned_at DESC, id DESC LIMIT 1
"""
SCORES: LiteralString = """
SELECT DISTINCT ON (measure) learned_at, measure, document ->> 'moment' AS moment, tasks,
    document -> 'threshold' AS threshold,
    document -> 'fields' AS fields, scores
FROM runlore.promise_models WHERE learned_at <= %(as_of)s
ORDER BY measure, learned_at DESC, id DESC
"""
ADD: LiteralString = """
INSERT INTO runlore.promise_models
    (learned_at, measure, tasks, document, scores, chances, quantiles)
VALUES (%(learned_at)s, %(measure)s, %(tasks)s, %(document)s::jsonb, %(scores)s::jsonb,
    %(chances)s, %(quantiles)s)
RETURNING id
"""
FORGET: LiteralString = """
DELETE FROM runlore.promise_models WHERE measure = %(measure)s AND id NOT IN (
    SELECT id FROM runlore.promise_models WHERE measure = %(measure)s
    ORDER BY learned_at DESC, id DESC LIMIT %(most)s
)
"""


@dataclass(frozen=True)
class StoredScores:
    """moment: when estimates are asked for, submitted or started. fields: of which tasks are alike.

    scores: {"all": …, "kinds": {kind: …}}.
    """

    learned_at: datetime
    measure: str
    moment: str
    tasks: int
    threshold: float | None
    fields: list[str]
    scores: Mapping[str, Any]


@dataclass(frozen=True)
class PromiseModelRow:
    id: int
    learned_at: datetime
    measure: str
    tasks: int
    document: Mapping[str, Any]
    scores: Mapping[str, Any]
    chances: bytes
    quantiles: bytes


def read_newest_model(store: Store, measure: str, as_of: datetime) -> PromiseModelRow | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(PromiseModelRow))
        return cursor.execute(NEWEST, {"measure": measure, "as_of": as_of}).fetchone()


def read_scores(store: Store, as_of: datetime) -> list[StoredScores]:
    """The newest of each measure."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(StoredScores))
        return cursor.execute(SCORES, {"as_of": as_of}).fetchall()


def add_model(store: Store, row: PromiseModelRow, most: int) -> int:
    """Keep the newest `most` of a measure. Returns the id of the new one; `row.id` is not used."""
    values = vars(row) | {
        "document": json.dumps(row.document),
        "scores": json.dumps(row.scores),
        "most": most,
    }
    with store.connect() as connection:
        added = connection.execute(ADD, values).fetchone()
        connection.execute(FORGET, values)
    return int(added[0]) if added else 0
