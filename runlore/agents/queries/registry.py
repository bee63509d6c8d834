"""Agents as rows."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row

from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.registration import AgentProfile, AgentState, AgentType, AgentWay
from runlore.kernel.errors import Refused
from runlore.store.engine import Store

COUNTED: LiteralString = """
(SELECT count(*) FROM runlore.agent_tasks t
 WHERE t.agent_id = a.id AND t.status IN ('assigned', 'in_progress'))::int AS in_hand
"""
# An agent, its silence, and how many tasks it has.
SILENCE: LiteralString = "extract(epoch FROM clock_timestamp() - a.seen_at)::float8 AS unseen_s"
AGENT: LiteralString = f"a.*, {SILENCE}, {COUNTED}"
ADD: LiteralString = f"""
INSERT INTO runlore.agents AS a (name, type, version, capabilities, specializations,
 max_concurrent_tasks, config, is_plugin, plugin_source, plugin_author, way, address, tool,
 token_variable, card_url, card, card_read_at, seen_at)
VALUES (%(name)s, %(type)s, %(version)s, %(capabilities)s, %(specializations)s, %(slots)s,
 %(config)s::jsonb, %(is_plugin)s, %(plugin_source)s, %(plugin_author)s, %(way)s, %(address)s,
 %(tool)s, %(token_variable)s, %(card_url)s, %(card)s::jsonb,
 CASE WHEN %(card)s::jsonb IS NULL THEN NULL ELSE clock_timestamp() END, clock_timestamp())
RETURNING {AGENT}
"""  # noqa: S608  (parts of ours)
CHANGE: LiteralString = f"""
UPDATE runlore.agents AS a SET name = %(name)s, type = %(type)s, version = %(version)s,
 capabilities = %(capabilities)s, specializations = %(specializations)s,
 max_concurrent_tasks = %(slots)s, config = %(config)s::jsonb, is_plugin = %(is_plugin)s,
 plugin_source = %(plugin_source)s, plugin_author = %(plugin_author)s,
 way = %(way)s, address = %(address)s, tool = %(tool)s, token_variable = %(token_variable)s,
 card_url = %(card_url)s, card = coalesce(%(card)s::jsonb, a.card),
 card_read_at = CASE WHEN %(card)s::jsonb IS NULL THEN a.card_read_at ELSE clock_timestamp() END,
 updated_at = clock_timestamp()
WHERE a.id = %(id)s RETURNING {AGENT}
"""  # noqa: S608  (parts of ours)
SET_STATE: LiteralString = f"""
UPDATE runlore.agents AS a SET state = %(state)s, state_reason = %(reason)s,
 updated_at = clock_timestamp()
WHERE a.id = %(id)s RETURNING {AGENT}
"""  # noqa: S608  (parts of ours)
SEEN: LiteralString = f"""
UPDATE runlore.agents AS a SET seen_at = clock_timestamp()
WHERE a.id = %(id)s RETURNING {AGENT}
"""  # noqa: S608  (parts of ours)
READ: LiteralString = f"SELECT {AGENT} FROM runlore.agents a WHERE a.id = %(id)s"  # noqa: S608
LIST: LiteralString = f"""
WITH counted AS (
 SELECT t.agent_id, count(*)::int AS in_hand FROM runlore.agent_tasks t
 WHERE t.status IN ('assigned', 'in_progress') GROUP BY t.agent_id
)
SELECT a.*, {SILENCE}, coalesce(counted.in_hand, 0) AS in_hand
FROM runlore.agents a LEFT JOIN counted ON counted.agent_id = a.id
WHERE (%(name)s::text IS NULL OR a.name = %(name)s)
 AND (%(type)s::text IS NULL OR a.type = %(type)s)
 AND (%(state)s::text IS NULL OR a.state = %(state)s)
 AND a.capabilities @> %(capabilities)s::text[]
 AND (%(after)s::text IS NULL OR a.name > %(after)s)
ORDER BY a.name LIMIT %(limit)s
"""  # noqa: S608  (parts of ours)
PUSHED: LiteralString = f"""
SELECT {AGENT} FROM runlore.agents a WHERE a.way <> 'pull' AND a.state <> 'maintenance'
ORDER BY a.seen_at NULLS FIRST LIMIT 1000
"""  # noqa: S608  (parts of ours)
# Those first whose last lease is the oldest: one with many tasks keeps nobody waiting.
DUE: LiteralString = f"""
SELECT {AGENT} FROM runlore.agents a
WHERE a.way <> 'pull' AND a.state <> 'maintenance' AND (
 EXISTS (SELECT FROM runlore.agent_tasks t WHERE t.agent_id = a.id AND t.status = 'assigned')
 OR (a.state = 'active' AND EXISTS (SELECT FROM runlore.agent_tasks t
  WHERE t.status = 'pending' AND t.waits_for = 0 AND t.available_at <= clock_timestamp()
   AND t.required_capabilities <@ a.capabilities))
 OR EXISTS (SELECT FROM runlore.agent_tasks t WHERE t.agent_id = a.id
  AND t.status IN ('assigned', 'in_progress') AND t.lease_until < clock_timestamp()))
ORDER BY a.seen_at NULLS FIRST LIMIT 1000
"""  # noqa: S608  (parts of ours)
INSTALLED: LiteralString = """
EXISTS (SELECT FROM runlore.marketplace_installations i
 WHERE i.agent_id = %(id)s AND i.uninstalled_at IS NULL)
"""
REMOVE: LiteralString = (
    f"DELETE FROM runlore.agents a WHERE a.id = %(id)s AND NOT {INSTALLED} RETURNING a.name"  # noqa: S608
)


@dataclass(frozen=True)
class AgentRow:
    """in_hand: tasks assigned or in progress. unseen_s: None: it was never seen."""

    id: UUID
    name: str
    type: AgentType
    version: str
    state: AgentState
    state_reason: str
    capabilities: list[str]
    specializations: list[str]
    max_concurrent_tasks: int
    config: dict[str, Any]
    is_plugin: bool
    plugin_source: str | None
    plugin_author: str | None
    registered_at: datetime
    updated_at: datetime
    seen_at: datetime | None
    tasks_completed: int
    tasks_failed: int
    mean_duration_s: float | None
    way: AgentWay
    address: str | None
    tool: str | None
    token_variable: str | None
    card_url: str | None
    card: dict[str, Any] | None
    card_read_at: datetime | None
    quarantined_at: datetime | None
    quarantine_reason: str | None
    unseen_s: float | None
    in_hand: int


@dataclass(frozen=True)
class AgentFilter:
    """after: the name of the last agent of the page before."""

    name: str | None = None
    type: str | None = None
    state: str | None = None
    capabilities: tuple[str, ...] = ()
    after: str | None = None
    limit: int = 100


def add_agent(connection: Connection, profile: AgentProfile) -> AgentRow | None:
    """None: an agent of that name exists; nothing more can be done in that transaction."""
    cursor = connection.cursor(row_factory=class_row(AgentRow))
    try:
        return cursor.execute(ADD, _values(profile)).fetchone()
    except errors.UniqueViolation:
        return None


def change_agent(store: Store, agent_id: UUID, profile: AgentProfile) -> AgentRow | None:
    """None: there is none. Raises Refused where another agent has the name."""
    try:
        return _one(store, CHANGE, _values(profile) | {"id": agent_id})
    except errors.UniqueViolation as error:
        raise Refused(f"another agent is named {profile.name[:80]!r}") from error


def set_state(store: Store, agent_id: UUID, state: AgentState, reason: str) -> AgentRow | None:
    return _one(store, SET_STATE, {"id": agent_id, "state": state, "reason": reason})


def mark_seen(store: Store, agent_id: UUID) -> AgentRow | None:
    return _one(store, SEEN, {"id": agent_id})


def read_agent(store: Store, agent_id: UUID) -> AgentRow | None:
    return _one(store, READ, {"id": agent_id})


def list_agents(store: Store, wanted: AgentFilter) -> list[AgentRow]:
    values = {
        "name": wanted.name,
        "type": wanted.type,
        "state": wanted.state,
        "capabilities": list(wanted.capabilities),
        "after": wanted.after,
        "limit": wanted.limit,
    }
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(AgentRow))
        return cursor.execute(LIST, values).fetchall()


def read_pushed_agents(store: Store) -> list[AgentRow]:
    """Agents that are sent their tasks, at most 1,000."""
    return _many(store, PUSHED)


def read_due_agents(store: Store) -> list[AgentRow]:
    """Those of them for whom there may be a task now."""
    return _many(store, DUE)


def is_installed(store: Store, agent_id: UUID) -> bool:
    """Whether a package of the marketplace says what it is."""
    with store.connect() as connection:
        row = connection.execute(f"SELECT {INSTALLED}", {"id": agent_id}).fetchone()
    return bool(row and row[0])


def remove_agent(store: Store, agent_id: UUID) -> bool:
    """Its tasks stay, and come back to the queue when their leases end.

    False: there is none, or it is installed from the marketplace.
    """
    with store.connect() as connection:
        return connection.execute(REMOVE, {"id": agent_id}).fetchone() is not None


def _many(store: Store, statement: LiteralString) -> list[AgentRow]:
    with store.connect() as connection:
        return connection.cursor(row_factory=class_row(AgentRow)).execute(statement).fetchall()


def _one(store: Store, statement: LiteralString, values: dict[str, Any]) -> AgentRow | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(AgentRow))
        return cursor.execute(statement, values).fetchone()


def _values(profile: AgentProfile) -> dict[str, Any]:
    return {
        "name": profile.name.strip(),
        "type": profile.type,
        "version": profile.version,
        "capabilities": sorted(set(profile.capabilities)),
        "specializations": sorted(set(profile.specializations)),
        "slots": profile.max_concurrent_tasks,
        "config": json.dumps(dict(profile.config)),
        "is_plugin": profile.is_plugin,
        "plugin_source": profile.plugin_source,
        "plugin_author": profile.plugin_author,
        "way": profile.way,
        "address": profile.address,
        "tool": profile.tool,
        "token_variable": profile.token_variable,
        "card_url": profile.card_url,
        "card": None if profile.card is None else json.dumps(dict(profile.card)),
    }
