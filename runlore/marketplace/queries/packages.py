"""Packages and their versions as rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

from runlore.marketplace.rules.manifest import Manifest, manifest_bytes
from runlore.marketplace.rules.names import name_words, names_of, near_keys

Connection = psycopg.Connection[Any]
PackageStatus = Literal["listed", "held", "withdrawn"]
COLUMNS: LiteralString = "id, name, publisher, title, version, status, flags"
BY_NAME: LiteralString = f"SELECT {COLUMNS} FROM runlore.marketplace_packages WHERE name = %(name)s"  # noqa: S608
BY_ID: LiteralString = f"SELECT {COLUMNS} FROM runlore.marketplace_packages WHERE id = %(id)s"  # noqa: S608
VERSIONS_OF: LiteralString = """
SELECT name, version FROM runlore.marketplace_packages WHERE name = ANY(%(names)s::text[])
"""
NEAR: LiteralString = f"""
SELECT {COLUMNS} FROM runlore.marketplace_packages
WHERE near_keys && %(keys)s AND publisher <> %(publisher)s ORDER BY created_at LIMIT 5
"""  # noqa: S608
ADD: LiteralString = """
INSERT INTO runlore.marketplace_packages (name, publisher, status, flags, near_keys, version, title,
 description, agent_type, capabilities, form, permissions, price_cents, currency, words)
VALUES (%(name)s, %(publisher)s, %(status)s, %(flags)s, %(near_keys)s, %(version)s, %(title)s,
 %(description)s, %(agent_type)s, %(capabilities)s, %(form)s, %(permissions)s, %(price_cents)s,
 %(currency)s, to_tsvector('simple', %(words)s))
ON CONFLICT (name) DO NOTHING RETURNING id
"""
DESCRIBE: LiteralString = """
UPDATE runlore.marketplace_packages SET near_keys = %(near_keys)s, version = %(version)s,
 title = %(title)s, description = %(description)s, agent_type = %(agent_type)s,
 capabilities = %(capabilities)s, form = %(form)s, permissions = %(permissions)s,
 price_cents = %(price_cents)s, currency = %(currency)s,
 words = to_tsvector('simple', %(words)s), published_at = clock_timestamp()
WHERE id = %(id)s
"""
SET_STATUS: LiteralString = """
UPDATE runlore.marketplace_packages SET status = %(status)s, flags = %(flags)s WHERE id = %(id)s
"""
ADD_VERSION: LiteralString = """
INSERT INTO runlore.marketplace_versions (package_id, number, version, digest, key, manifest,
 archive)
SELECT %(id)s, coalesce(max(number), 0) + 1, %(version)s, %(digest)s, %(key)s,
 %(manifest)s::jsonb, %(archive)s
FROM runlore.marketplace_versions WHERE package_id = %(id)s
"""
VERSIONS: LiteralString = """
SELECT number, version, digest, key, manifest, published_at FROM runlore.marketplace_versions
WHERE package_id = %(id)s ORDER BY number
"""
ARCHIVE: LiteralString = """
SELECT archive FROM runlore.marketplace_versions
WHERE package_id = %(id)s AND version = %(version)s
"""


@dataclass(frozen=True)
class PackageRow:
    """version: the newest. flags: why it is held."""

    id: UUID
    name: str
    publisher: str
    title: str
    version: str
    status: PackageStatus
    flags: list[str]


@dataclass(frozen=True)
class PackageVersionRow:
    """digest: SHA-256 of the archive. key: the public key that signed it; '': built in."""

    number: int
    version: str
    digest: str
    key: str
    manifest: Manifest
    published_at: datetime


def package_by_name(connection: Connection, name: str) -> PackageRow | None:
    cursor = connection.cursor(row_factory=class_row(PackageRow))
    return cursor.execute(BY_NAME, {"name": name}).fetchone()


def newest_versions(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """By name, of those that are published."""
    return dict(connection.execute(VERSIONS_OF, {"names": list(names)}).fetchall())


def package_by_id(connection: Connection, package_id: UUID) -> PackageRow | None:
    cursor = connection.cursor(row_factory=class_row(PackageRow))
    return cursor.execute(BY_ID, {"id": package_id}).fetchone()


def near_packages(connection: Connection, manifest: Manifest) -> list[PackageRow]:
    """Those of other publishers whose names look like this one's."""
    values = {"keys": near_keys(names_of(manifest)), "publisher": manifest.publisher}
    cursor = connection.cursor(row_factory=class_row(PackageRow))
    return cursor.execute(NEAR, values).fetchall()


def add_package(
    connection: Connection, manifest: Manifest, status: PackageStatus, flags: Sequence[str] = ()
) -> UUID | None:
    """None: the name is taken."""
    values = _values(manifest) | {"status": status, "flags": list(flags)}
    row = connection.execute(ADD, values).fetchone()
    return None if row is None else row[0]


def describe_package(connection: Connection, package_id: UUID, manifest: Manifest) -> None:
    connection.execute(DESCRIBE, _values(manifest) | {"id": package_id})


def set_status(
    connection: Connection, package_id: UUID, status: PackageStatus, flags: Sequence[str]
) -> None:
    connection.execute(SET_STATUS, {"id": package_id, "status": status, "flags": list(flags)})


def add_version(
    connection: Connection,
    package_id: UUID,
    manifest: Manifest,
    digest: str,
    signed: tuple[str, bytes | None],
) -> None:
    """signed: the key, and the archive's bytes; None: built in."""
    values = {
        "id": package_id,
        "version": manifest.version,
        "digest": digest,
        "key": signed[0],
        "manifest": manifest_bytes(manifest).decode(),
        "archive": signed[1],
    }
    connection.execute(ADD_VERSION, values)


def read_versions(connection: Connection, package_id: UUID) -> list[PackageVersionRow]:
    """In the order of publication, which is that of the versions."""
    rows = connection.cursor(row_factory=dict_row).execute(VERSIONS, {"id": package_id}).fetchall()
    return [
        PackageVersionRow(**row | {"manifest": Manifest.model_validate(row["manifest"])})
        for row in rows
    ]


def read_archive(connection: Connection, package_id: UUID, version: str) -> bytes | None:
    row = connection.execute(ARCHIVE, {"id": package_id, "version": version}).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def _values(manifest: Manifest) -> dict[str, Any]:
    card = manifest.card
    words = [manifest.name, card.title, card.description, *card.capabilities, manifest.publisher]
    return {
        "name": manifest.name,
        "publisher": manifest.publisher,
        "near_keys": near_keys(names_of(manifest)),
        "version": manifest.version,
        "title": card.title,
        "description": card.description,
        "agent_type": card.agent_type,
        "capabilities": sorted(set(card.capabilities)),
        "form": manifest.form,
        "permissions": manifest.permissions,
        "price_cents": manifest.price.cents,
        "currency": manifest.price.currency,
        "words": " ".join([*words, *name_words(" ".join(words))]),
    }
