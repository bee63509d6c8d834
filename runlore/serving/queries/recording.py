"""Facts about executions as they come in, one at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg.rows import class_row

from runlore.features.declaration import HistoryFeatures
from runlore.kernel.digests import BETWEEN, CONTENT, HASH_KEY
from runlore.kernel.instants import to_us
from runlore.records.execution import (
    EXECUTION_COLUMNS,
    OPEN_STATUSES,
    ExecutionFact,
    ExecutionStatus,
    Scalar,
)
from runlore.serving.queries import feature_states
from runlore.serving.queries.feature_states import Floats, Name
from runlore.store.engine import Store
from runlore.store.months import MissingMonth

Connection = psycopg.Connection[Any]

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('runlore.execution ' || %s::text, 0))"
SELECT = """
SELECT seq, revision, source, source_id, actor, kind, scope, inputs, submitted, started, finished,
    status, outcome, submission_known_at, known_at, key_id
FROM runlore.executions WHERE source = %(source)s AND source_id = %(source_id)s
"""
FACTS = f"{SELECT} ORDER BY seq"
NEWEST = f"{SELECT} ORDER BY submitted DESC, revision DESC LIMIT 1"
NEWEST_OF = f"{SELECT} AND submitted = %(submitted)s ORDER BY revision DESC LIMIT 1"
OUTCOME = """
SELECT {}(revision) FROM runlore.executions WHERE source = %(source)s
AND source_id = %(source_id)s AND submitted = %(submitted)s AND status <> ALL(%(is_open)s)
"""
OTHERS = f"""
{SELECT} AND submitted = %(submitted)s AND revision < %(revision)s
AND revision IN (0, ({OUTCOME.format("min")}), ({OUTCOME.format("max")})) ORDER BY revision
"""
IS_OPEN = sorted(map(str, OPEN_STATUSES))
SAID = """
SELECT count(*) FROM runlore.executions WHERE source = %s AND source_id = %s AND submitted = %s
AND status = %s AND started IS NOT DISTINCT FROM %s
"""
LATER = """
SELECT count(*) FROM runlore.executions
WHERE seq > %s AND revision = 0 AND submission_known_at = %s
"""
COLUMNS = (*EXECUTION_COLUMNS, "revision", "digest", "key_id")
ADD = (
    f"INSERT INTO runlore.executions ({', '.join(COLUMNS)}) "  # noqa: S608  (names of ours)
    f"VALUES ({', '.join(['%s'] * len(COLUMNS))})"
)


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact as it stands in the store."""

    seq: int
    revision: int
    source: str
    source_id: str
    actor: str
    kind: str
    scope: str
    inputs: dict[str, Scalar]
    submitted: datetime
    started: datetime | None
    finished: datetime | None
    status: str
    outcome: dict[str, Scalar]
    submission_known_at: datetime
    known_at: datetime
    key_id: str | None

    @property
    def is_final(self) -> bool:
        return ExecutionStatus(self.status).is_final


@dataclass(frozen=True, slots=True)
class FactToAdd:
    """A fact to add. key_id: of the API key with which it came; None: it came without one."""

    fact: ExecutionFact
    revision: int
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedFacts:
    """facts: of the execution: the first and the newest one, and the first and the newest with an
    outcome, in sequence. However many there are, no more are read.
    """

    facts: Sequence[StoredFact]
    histories: tuple[HistoryFeatures, ...]


def open_execution(
    connection: Connection, source: str, source_id: str, submitted: datetime | None = None
) -> RecordedFacts:
    """Lock this name until the transaction ends, and read what is known of its execution.

    submitted: of the execution; None: the one of this name that was submitted last.
    """
    query = NEWEST if submitted is None else NEWEST_OF
    named = {"source": source, "source_id": source_id, "submitted": submitted}
    with connection.pipeline():
        connection.execute(feature_states.LET_GO)
        connection.execute(feature_states.SHARED)
        connection.execute(LOCK, (f"{source}\x1f{source_id}",))
        cursor = connection.cursor(row_factory=class_row(StoredFact))
        result = cursor.execute(query, named)
        active = connection.execute(feature_states.ACTIVE)
    newest = result.fetchone()
    return RecordedFacts(
        [] if newest is None else [*_before(connection, newest), newest],
        tuple(feature_states.parse_history(declaration) for _, declaration, _ in active),
    )


def _before(connection: Connection, newest: StoredFact) -> list[StoredFact]:
    """The facts before the newest one that matter for what comes next."""
    if newest.revision == 0:
        return []
    names = ("source", "source_id", "submitted", "revision")
    named = {name: getattr(newest, name) for name in names}
    cursor = connection.cursor(row_factory=class_row(StoredFact))
    return cursor.execute(OTHERS, named | {"is_open": IS_OPEN}).fetchall()


def is_recorded(
    connection: Connection, of: StoredFact, status: ExecutionStatus, started: datetime | None
) -> bool:
    """Whether some fact about an execution has this status and start."""
    named = (of.source, of.source_id, of.submitted, str(status), started)
    row = connection.execute(SAID, named).fetchone()
    return row != (0,)


def read_execution(
    store: Store, source: str, source_id: str, submitted: datetime | None = None
) -> Sequence[StoredFact]:
    """All facts about an execution, in sequence; none when there is none.

    submitted: None: the execution of this name that was submitted last.
    """
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(StoredFact))
        named = {"source": source, "source_id": source_id}
        return _of(cursor.execute(FACTS, named).fetchall(), submitted)


def is_newest(connection: Connection, first: StoredFact) -> bool:
    """Whether nothing was submitted at the same instant after this execution."""
    row = connection.execute(LATER, (first.seq, first.submission_known_at)).fetchone()
    return row == (0,)


def append(connection: Connection, addition: FactToAdd, states: Mapping[Name, Floats]) -> None:
    """Add a fact together with the states, locked before, that it changed."""
    fact = addition.fact
    inputs, outcome = _text(fact.inputs), _text(fact.outcome)
    values = [getattr(fact, name) for name in EXECUTION_COLUMNS]
    values[EXECUTION_COLUMNS.index("inputs")] = inputs
    values[EXECUTION_COLUMNS.index("outcome")] = outcome
    try:
        connection.execute(ADD, (*values, addition.revision, digest_of(fact), addition.key_id))
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("executions", [fact.submitted]) from error
    feature_states.write_states(connection, states)


def digest_of(fact: ExecutionFact) -> int:
    """What `content_digests` gives for one fact, without its columns."""
    texts = {name: str(getattr(fact, name)) for name in ("actor", "kind", "scope", "status")}
    texts |= {"inputs": _text(fact.inputs), "outcome": _text(fact.outcome)}
    for name in ("started", "finished"):
        at = getattr(fact, name)
        texts[name] = "" if at is None else str(to_us(at))
    text = np.array([BETWEEN.join(texts[name] for name in CONTENT)], dtype=object)
    hashes = pd.util.hash_array(text, hash_key=HASH_KEY, categorize=False)
    return int(hashes.view(np.int64)[0])


def _of(facts: Sequence[StoredFact], submitted: datetime | None) -> list[StoredFact]:
    """Those of one execution, should a source use a name again; None: the one submitted last."""
    at = submitted or max((fact.submitted for fact in facts), default=None)
    return [fact for fact in facts if fact.submitted == at]


def _text(values: Mapping[str, Scalar]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
