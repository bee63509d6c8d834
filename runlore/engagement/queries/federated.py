"""Federated trainings as rows: requests, personas that take part, releases, states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.store import notices

Connection = psycopg.Connection[Any]
FederatedState = Literal["requested", "running", "done", "refused", "failed"]
Part = Literal["opening", "mean", "round", "closing"]
ENDED = ("done", "refused", "failed")

NOTIFY: LiteralString = "SELECT pg_notify(%(channel)s, 'federated')"
INSERT: LiteralString = """
INSERT INTO runlore.federated_trainings (requested_at, requested_by, as_of, policy)
VALUES (%(at)s, %(actor)s, %(as_of)s, %(policy)s) RETURNING id
"""
STATE: LiteralString = """
INSERT INTO runlore.federated_states (training_id, at, state, reason, version)
VALUES (%(training)s, %(at)s, %(state)s, %(reason)s, %(version)s)
"""
TRAININGS: LiteralString = """
SELECT training.id, training.requested_at, training.requested_by, training.as_of, training.policy,
    newest.at AS state_at, newest.state, newest.reason, newest.version
FROM runlore.federated_trainings AS training
CROSS JOIN LATERAL (
    SELECT at, state, reason, version FROM runlore.federated_states
    WHERE training_id = training.id ORDER BY id DESC LIMIT 1
) AS newest
"""
FIND: LiteralString = TRAININGS + "WHERE training.id = %(training)s"
OLDEST: LiteralString = (
    TRAININGS + "WHERE newest.state IN ('requested', 'running') ORDER BY training.id LIMIT 1"
)
NEWEST: LiteralString = (
    TRAININGS + "WHERE requested_at <= %(as_of)s ORDER BY training.id DESC LIMIT %(limit)s"
)
LOCK: LiteralString = """
SELECT FROM runlore.federated_trainings WHERE id = %(training)s FOR UPDATE
"""
RELEASE: LiteralString = """
INSERT INTO runlore.federated_releases (training_id, number, part, rho, released_at, document)
VALUES (%(training)s, %(number)s, %(part)s, %(rho)s, %(released_at)s, %(document)s)
"""
RELEASES: LiteralString = """
SELECT number, part, rho, released_at, document FROM runlore.federated_releases
WHERE training_id = %(training)s ORDER BY number
"""
CLIENTS: LiteralString = """
INSERT INTO runlore.federated_clients (training_id, persona)
SELECT %(training)s, unnest(%(personas)s::text[])
"""
STAYING: LiteralString = """
SELECT persona FROM runlore.federated_clients WHERE training_id = %(training)s
"""
END_CLIENTS: LiteralString = """
UPDATE runlore.federated_clients AS client
SET ended_at_round = %(number)s, reason = ended.reason
FROM (SELECT key AS persona, value AS reason FROM jsonb_each_text(%(reasons)s)) AS ended
WHERE client.training_id = %(training)s AND client.persona = ended.persona
    AND client.reason IS NULL
"""
ENDED_CLIENTS: LiteralString = """
SELECT count(*) FROM runlore.federated_clients
WHERE training_id = %(training)s AND reason IS NOT NULL
"""
WAITING_SINCE: LiteralString = """
SELECT min(training.requested_at) FROM runlore.federated_trainings AS training
CROSS JOIN LATERAL (
    SELECT state FROM runlore.federated_states WHERE training_id = training.id
    ORDER BY id DESC LIMIT 1
) AS newest WHERE newest.state = 'requested'
"""


@dataclass(frozen=True)
class FederatedTraining:
    """A request and its newest state. version: in the registry; None: there is none."""

    id: int
    requested_at: datetime
    requested_by: str
    as_of: datetime
    policy: Mapping[str, Any]
    state_at: datetime
    state: FederatedState
    reason: str
    version: str | None


@dataclass(frozen=True)
class FederatedRelease:
    """What was released with noise. rho: in 1e-12."""

    number: int
    part: Part
    rho: int
    released_at: datetime
    document: Mapping[str, Any]


def insert_training(
    connection: Connection, at: datetime, actor: str, as_of: datetime, policy: Mapping[str, Any]
) -> int:
    values = {"at": at, "actor": actor, "as_of": as_of, "policy": Jsonb(policy)}
    row = connection.execute(INSERT, values).fetchone()
    training = int(row[0])  # type: ignore[index]
    connection.execute(NOTIFY, {"channel": notices.WORK_DUE})
    insert_state(connection, training, at, "requested", "")
    return training


def insert_state(
    connection: Connection,
    training: int,
    at: datetime,
    state: FederatedState,
    reason: str,
    version: str | None = None,
) -> None:
    values = {"training": training, "at": at, "state": state, "reason": reason, "version": version}
    connection.execute(STATE, values)


def find_training(connection: Connection, training: int) -> FederatedTraining | None:
    with connection.cursor(row_factory=class_row(FederatedTraining)) as cursor:
        return cursor.execute(FIND, {"training": training}).fetchone()


def oldest_unfinished(connection: Connection) -> FederatedTraining | None:
    with connection.cursor(row_factory=class_row(FederatedTraining)) as cursor:
        return cursor.execute(OLDEST).fetchone()


def newest_trainings(
    connection: Connection, as_of: datetime, limit: int
) -> list[FederatedTraining]:
    """Those requested until then, as they stand now; the newest first."""
    with connection.cursor(row_factory=class_row(FederatedTraining)) as cursor:
        return cursor.execute(NEWEST, {"as_of": as_of, "limit": limit}).fetchall()


def lock_training(connection: Connection, training: int) -> None:
    """Make this transaction the only one at work on a training until it ends."""
    connection.execute(LOCK, {"training": training})


def read_releases(connection: Connection, training: int) -> list[FederatedRelease]:
    with connection.cursor(row_factory=class_row(FederatedRelease)) as cursor:
        return cursor.execute(RELEASES, {"training": training}).fetchall()


def insert_release(connection: Connection, training: int, release: FederatedRelease) -> None:
    values = {**vars(release), "training": training, "document": Jsonb(release.document)}
    connection.execute(RELEASE, values)


def insert_clients(connection: Connection, training: int, personas: Sequence[str]) -> None:
    connection.execute(CLIENTS, {"training": training, "personas": list(personas)})


def read_clients(connection: Connection, training: int) -> set[str]:
    """All personas that were charged."""
    return {name for (name,) in connection.execute(STAYING, {"training": training})}


def end_clients(
    connection: Connection, training: int, number: int, reasons: Mapping[str, str]
) -> None:
    """Write down why personas were refused or left; the first reason of each stays."""
    values = {"training": training, "number": number, "reasons": Jsonb(reasons)}
    connection.execute(END_CLIENTS, values)


def count_ended(connection: Connection, training: int) -> int:
    row = connection.execute(ENDED_CLIENTS, {"training": training}).fetchone()
    return int(row[0])  # type: ignore[index]


def waiting_since(connection: Connection) -> datetime | None:
    """When the oldest request that nobody has begun was made."""
    row = connection.execute(WAITING_SINCE).fetchone()
    return None if row is None else row[0]
