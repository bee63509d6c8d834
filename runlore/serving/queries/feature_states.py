"""The state of every key of every history in use, as the fold left it."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from numpy.typing import NDArray

from runlore.features.declaration import HistoryFeatures
from runlore.features.online import empty_state
from runlore.kernel.deadlines import IDLE_TRANSACTION_S
from runlore.store.copying import arrays, copy_in, payload

Floats = NDArray[np.float64]
Name = tuple[str, str]  # the digest of a history, and a key

Connection = psycopg.Connection[Any]
COPY_KEYS = 50_000

SUBJECT = "hashtextextended('runlore.feature_states', 0)"
EXCLUSIVE = f"SELECT pg_advisory_xact_lock({SUBJECT})"
# Recorders share the lock; a replacement of whole histories takes it alone. Few readers need it.
SHARED = f"SELECT pg_advisory_xact_lock_shared({SUBJECT})"

ACTIVE = "SELECT history, declaration::text, built_seq FROM runlore.feature_histories ORDER BY 1"
FRESH = "SELECT declaration::text FROM runlore.feature_histories WHERE NOT is_stale"
SPOIL = "UPDATE runlore.feature_histories SET is_stale = true WHERE NOT is_stale"
READ = "SELECT * FROM runlore.read_states(%s, %b, %b)"
READ_HISTORY = "SELECT key, array_send(state) FROM runlore.feature_states WHERE history = %s"
BUILT_AT = """
SELECT count(*), max(built_at) FROM runlore.feature_histories
WHERE history = ANY(%s) AND NOT is_stale
"""
MAKE = """
INSERT INTO runlore.feature_states (history, key, state)
SELECT history, key, '{}' FROM unnest(%s::text[], %s::text[]) AS wanted (history, key)
ORDER BY history, key ON CONFLICT DO NOTHING
"""
ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f8")])
# PostgreSQL sends an array of one dimension as a header, then each element with its length.
HEADER_BYTES = 20

LOCK = """
SELECT at, array_send(state) FROM runlore.feature_states JOIN
unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (history, key, at) USING (history, key)
ORDER BY history, key FOR UPDATE OF feature_states
"""
ALONE = "SELECT count(pg_advisory_xact_lock(number)::text) FROM unnest(%s::bigint[]) AS number"
# PostgreSQL has room for some thousands of locks; a reader of more keys shuts out recorders.
MOST_LOCKED = 500

# PostgreSQL terminates a recording transaction that stays idle: others wait for its keys.
LET_GO = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'"

CLOCK = "SELECT clock_timestamp()"
WRITE = "UPDATE runlore.feature_states SET state = %b WHERE history = %s AND key = %s"
FORGET = "DELETE FROM runlore.feature_states WHERE history = %s"
BUILT = """
INSERT INTO runlore.feature_histories (history, declaration, built_seq) VALUES (%s, %s, %s)
ON CONFLICT (history) DO UPDATE
SET built_seq = EXCLUDED.built_seq, is_stale = false, built_at = CASE
    WHEN feature_histories.is_stale THEN clock_timestamp() ELSE feature_histories.built_at END
"""

SETTLE = """
UPDATE runlore.feature_histories SET built_at = clock_timestamp()
WHERE history = ANY(%s) AND built_at >= now()
"""


def active(connection: Connection) -> dict[HistoryFeatures, int]:
    """The histories whose states are kept, each with the last fact of its last rebuild."""
    rows = connection.execute(ACTIVE)
    return {parse_history(declaration): built_seq for _, declaration, built_seq in rows}


def fresh(connection: Connection) -> set[HistoryFeatures]:
    """The histories whose states know every fact that is committed."""
    return {parse_history(declaration) for (declaration,) in connection.execute(FRESH)}


def hold_off_rebuilds(connection: Connection) -> None:
    """Make rebuilding wait until this transaction ends, so that it reads all that is added."""
    connection.execute(SHARED)


def spoil(connection: Connection) -> None:
    """Record that facts were added without folding them. Rebuilding must be held off meanwhile."""
    connection.execute(SPOIL)


@lru_cache(maxsize=256)
def parse_history(declaration: str) -> HistoryFeatures:
    return HistoryFeatures.from_json(json.loads(declaration))


def read_states(
    connection: Connection, names: Iterable[Name]
) -> tuple[dict[Name, Floats], datetime]:
    """The states of these keys and the clock when they were all that was known, in one statement.

    A key without a past is not there. Whoever is recording for one of the keys is waited for, and
    whoever begins to record later takes a later instant: nothing that became known up to the
    clock's instant is missing.
    """
    ordered = sorted(set(names))
    with contextlib.ExitStack() as stack:
        if len(ordered) > MOST_LOCKED:
            stack.enter_context(connection.transaction())
            lock_out_recorders(connection)
        row = connection.execute(READ, read_parameters(ordered), binary=True).fetchone()
    return parse_states(ordered, row)


def read_parameters(names: Sequence[Name]) -> tuple[Any, ...]:
    """The parameters of `READ` for these keys, in ascending order."""
    numbers = _numbers(names) if len(names) <= MOST_LOCKED else []
    return numbers, *_columns(names)


def parse_states(
    names: Sequence[Name], row: Sequence[Any] | None
) -> tuple[dict[Name, Floats], datetime]:
    """Parse the row of `READ` into the states of these keys and its clock."""
    assert row is not None  # noqa: S101  (a function of one row)
    sent, read_at = row
    pairs = zip(names, sent or (), strict=True)
    return {name: _state(encoded) for name, encoded in pairs if encoded is not None}, read_at


def _numbers(names: Iterable[Name]) -> list[int]:
    """What stands for keys among PostgreSQL's advisory locks, in the order that all take them."""
    texts = {f"{history}\x1f{key}".encode() for history, key in names}
    digests = (hashlib.blake2b(text, digest_size=8).digest() for text in texts)
    return sorted({int.from_bytes(digest, signed=True) for digest in digests})


def read_history(connection: Connection, history: HistoryFeatures) -> dict[str, Floats]:
    """All states of one history, by key."""
    rows = connection.execute(READ_HISTORY, (history.digest,), binary=True)
    return {key: _state(sent) for key, sent in rows}


def built_at(connection: Connection, histories: Iterable[HistoryFeatures]) -> datetime | None:
    """Since when all of these have known every fact; None when one is not kept, or left behind."""
    digests = [history.digest for history in histories]
    row = connection.execute(BUILT_AT, (digests,)).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    active, latest = row
    return latest if active == len(digests) else None


def lock_out_recorders(connection: Connection) -> None:
    """Wait for those at work and keep further ones waiting until the transaction ends."""
    connection.execute(EXCLUSIVE)


def lock_states(
    connection: Connection, histories: Mapping[Name, HistoryFeatures]
) -> tuple[dict[Name, Floats], datetime]:
    """The states of these keys, ours until the transaction ends, and the clock after that.

    Everybody locks in the same order: first new keys, by being made, then all of them.
    """
    ordered = sorted(histories)
    columns = _columns(ordered)
    with connection.pipeline():
        connection.execute(ALONE, (_numbers(histories),))
        connection.execute(MAKE, columns)
        rows = connection.execute(LOCK, columns, binary=True)
    now = connection.execute(CLOCK)  # apart: what ends a pipeline starts LET_GO's clock not always
    states = _states(rows, ordered)
    for name, state in states.items():
        if not state.size:
            states[name] = empty_state(histories[name])
    return states, _first(now)


def write_states(connection: Connection, states: Mapping[Name, Floats]) -> None:
    """Write states that this transaction has locked."""
    with connection.pipeline():
        for name, state in states.items():
            connection.execute(WRITE, (state.tolist(), *name))


def settle(connection: Connection, histories: Iterable[HistoryFeatures]) -> None:
    """Record that what this transaction has built is known from its end on."""
    connection.execute(SETTLE, ([history.digest for history in histories],))


def replace_history(
    connection: Connection,
    history: HistoryFeatures,
    keys: Sequence[str],
    states: Floats,
    built_seq: int,
) -> None:
    """Put the states of all keys of one history, (keys, S), in the place of what was there.

    Recorders must be locked out. Readers see the old states until it commits.
    """
    connection.execute(FORGET, (history.digest,))
    for first in range(0, len(keys), COPY_KEYS):
        part = slice(first, first + COPY_KEYS)
        columns = [
            pa.repeat(pa.scalar(history.digest), len(keys[part])),
            pa.array(keys[part], pa.string()),
            arrays(states[part]),
        ]
        copy_in(connection, "feature_states", ("history", "key", "state"), payload(columns))
    declaration = json.dumps(history.to_json(), sort_keys=True)
    connection.execute(BUILT, (history.digest, declaration, built_seq))


def clock(connection: Connection) -> datetime:
    return _first(connection.execute(CLOCK))


def _columns(names: Sequence[Name]) -> tuple[list[str], list[str]]:
    return [history for history, _ in names], [key for _, key in names]


def _states(rows: Iterable[tuple[int, bytes]], names: Sequence[Name]) -> dict[Name, Floats]:
    return {names[at - 1]: _state(sent) for at, sent in rows}


def _state(sent: bytes) -> Floats:
    """Much faster than a list of numbers on the way."""
    if len(sent) < HEADER_BYTES:
        return np.empty(0)
    return np.frombuffer(sent, ELEMENT, offset=HEADER_BYTES)["value"].astype(np.float64)


def _first(rows: psycopg.Cursor[Any]) -> datetime:
    row = rows.fetchone()
    assert row is not None  # noqa: S101  (a SELECT without FROM)
    return row[0]  # type: ignore[no-any-return]
