"""Installations as rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from runlore.agents.rules.registration import AgentProfile

Connection = psycopg.Connection[Any]
ROW: LiteralString = """
SELECT i.agent_id, i.package_id, p.name AS package, p.publisher, i.agent_name, i.version,
 i.digest, i.permissions, i.installed_at, i.updated_at, i.uninstalled_at,
 p.version AS latest_version
FROM runlore.marketplace_installations i
JOIN runlore.marketplace_packages p ON p.id = i.package_id
"""
READ: LiteralString = f"{ROW} WHERE i.agent_id = %(agent_id)s AND i.uninstalled_at IS NULL"
OF_PACKAGE: LiteralString = (
    f"{ROW} WHERE i.package_id = %(package_id)s AND i.uninstalled_at IS NULL ORDER BY 1 LIMIT 1"
)
LIST: LiteralString = (
    f"{ROW} WHERE i.uninstalled_at IS NULL ORDER BY i.installed_at, i.agent_id LIMIT %(limit)s"
)
ADD: LiteralString = """
INSERT INTO runlore.marketplace_installations (agent_id, package_id, agent_name, version, digest,
 permissions)
VALUES (%(agent_id)s, %(package_id)s, %(agent_name)s, %(version)s, %(digest)s, %(permissions)s)
"""
UPDATE: LiteralString = """
UPDATE runlore.marketplace_installations SET version = %(version)s, digest = %(digest)s,
 permissions = %(permissions)s, updated_at = clock_timestamp()
WHERE agent_id = %(agent_id)s AND uninstalled_at IS NULL AND version = %(before)s
"""
UPDATE_AGENT: LiteralString = """
UPDATE runlore.agents SET type = %(type)s, version = %(version)s, capabilities = %(capabilities)s,
 specializations = %(specializations)s, max_concurrent_tasks = %(slots)s, address = %(address)s,
 tool = %(tool)s, card_url = %(card_url)s, card = NULL, updated_at = clock_timestamp()
WHERE id = %(id)s
"""
# The counters of the agent stay with the installation: removing it removes no bad record.
END: LiteralString = """
WITH gone AS (
 DELETE FROM runlore.agents WHERE id = %(agent_id)s RETURNING id, tasks_completed, tasks_failed
)
UPDATE runlore.marketplace_installations i SET uninstalled_at = clock_timestamp(),
 tasks_completed = (SELECT tasks_completed FROM gone),
 tasks_failed = (SELECT tasks_failed FROM gone)
WHERE i.agent_id = %(agent_id)s AND i.uninstalled_at IS NULL
"""


@dataclass(frozen=True)
class InstallationRow:
    """digest: SHA-256 of the archive that was accepted. permissions: those that were granted."""

    agent_id: UUID
    package_id: UUID
    package: str
    publisher: str
    agent_name: str
    version: str
    digest: str
    permissions: list[str]
    installed_at: datetime
    updated_at: datetime
    uninstalled_at: datetime | None
    latest_version: str


def read_installation(connection: Connection, agent_id: UUID) -> InstallationRow | None:
    """None: it is no installed agent."""
    cursor = connection.cursor(row_factory=class_row(InstallationRow))
    return cursor.execute(READ, {"agent_id": agent_id}).fetchone()


def installation_of(connection: Connection, package_id: UUID) -> InstallationRow | None:
    """One that stands, if there is any."""
    cursor = connection.cursor(row_factory=class_row(InstallationRow))
    return cursor.execute(OF_PACKAGE, {"package_id": package_id}).fetchone()


def list_installations(connection: Connection, limit: int) -> list[InstallationRow]:
    cursor = connection.cursor(row_factory=class_row(InstallationRow))
    return cursor.execute(LIST, {"limit": limit}).fetchall()


def add_installation(connection: Connection, values: dict[str, Any]) -> None:
    connection.execute(ADD, values)


def update_installation(connection: Connection, values: dict[str, Any]) -> bool:
    """before: the version that it must have. False: another update was faster."""
    return connection.execute(UPDATE, values).rowcount == 1


def update_agent(connection: Connection, agent_id: UUID, profile: AgentProfile) -> None:
    """Its name, state and record stay."""
    values = {
        "id": agent_id,
        "type": profile.type,
        "version": profile.version,
        "capabilities": sorted(set(profile.capabilities)),
        "specializations": sorted(set(profile.specializations)),
        "slots": profile.max_concurrent_tasks,
        "address": profile.address,
        "tool": profile.tool,
        "card_url": profile.card_url,
    }
    connection.execute(UPDATE_AGENT, values)


def end_installation(connection: Connection, agent_id: UUID) -> bool:
    """Remove its agent, too. False: it is not installed."""
    return connection.execute(END, {"agent_id": agent_id}).rowcount == 1
