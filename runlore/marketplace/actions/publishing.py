"""Publish packages, and rotate the keys of publishers."""

from dataclasses import asdict, dataclass
from uuid import UUID

from runlore.kernel.errors import Refused
from runlore.marketplace.queries import packages, publishers
from runlore.marketplace.queries.packages import PackageRow, PackageStatus, PackageVersionRow
from runlore.marketplace.queries.publishers import Connection, PublisherKey
from runlore.marketplace.rules.archives import VerifiedPackage, verify_archive
from runlore.marketplace.rules.differences import describe_difference, difference
from runlore.marketplace.rules.first_party import first_party_packages
from runlore.marketplace.rules.manifest import FIRST_PARTY, Manifest
from runlore.marketplace.rules.names import mixed_scripts, names_of, near_keys
from runlore.marketplace.rules.signatures import KeyRotation, SignedRotation, check_rotation
from runlore.marketplace.rules.versions import version_order
from runlore.store.engine import Store


@dataclass(frozen=True)
class Publication:
    """is_new: False: these bytes were published before. flags: why a person must approve it."""

    package_id: UUID
    name: str
    publisher: str
    version: str
    digest: str
    status: PackageStatus
    flags: tuple[str, ...]
    is_new: bool


def publish(store: Store, archive: bytes) -> Publication:
    """Verify an archive, and add it to the catalog.

    A package whose name looks like that of another publisher is held: nobody can install it
    before a person has approved it.

    Raises:
        BadInput: it is no package.
        Refused: bytes, key, name or version are not what they must be; nothing is stored.
    """
    package = verify_archive(archive)
    manifest = package.manifest
    if manifest.publisher == FIRST_PARTY or manifest.name in first_party_packages():
        raise Refused(f"{manifest.name}: the name belongs to Runlore's own packages")
    with store.connect() as connection:
        publishers.lock_marketplace(connection)
        _check_key(connection, package)
        row = packages.package_by_name(connection, manifest.name)
        if row is None:
            return _add(connection, package, archive)
        return _raise_version(connection, row, package, archive)


def rotate_key(store: Store, signed: SignedRotation) -> KeyRotation:
    """Put a new key in the place of a publisher's present one; the old one is refused from now on.

    Raises BadInput, and Refused for a statement that is wrong, old, or of another key.
    """
    rotation = check_rotation(signed)
    with store.connect() as connection:
        publishers.lock_marketplace(connection)
        present = _present(publishers.read_keys(connection, rotation.publisher))
        if present is None:
            raise Refused(f"{rotation.publisher}: no key of this publisher is known")
        if present.key != rotation.old_key or rotation.serial != present.serial + 1:
            raise Refused(
                f"{rotation.publisher}: this statement does not rotate its present key, number"
                f" {present.serial}; it was used before, or is of another key"
            )
        if publishers.key_owner(connection, rotation.new_key) is not None:
            raise Refused("the new key was used before; make another")
        publishers.retire_key(connection, rotation.publisher)
        record = asdict(signed) | {"statement": signed.statement.decode()}
        publishers.pin_key(
            connection, rotation.publisher, rotation.serial, rotation.new_key, record
        )
    return rotation


def publisher_keys(store: Store, publisher: str) -> list[PublisherKey]:
    """The oldest first; empty: it has published nothing."""
    with store.connect() as connection:
        return publishers.read_keys(connection, publisher)


def _check_key(connection: Connection, package: VerifiedPackage) -> None:
    """Pin the key of a new publisher. Raises Refused for any other key than the present one."""
    publisher = package.manifest.publisher
    keys = publishers.read_keys(connection, publisher)
    present = _present(keys)
    if present is None:
        owner = publishers.key_owner(connection, package.key)
        if owner is not None:
            raise Refused(f"the key {package.key[:16]}… is that of publisher {owner}")
        publishers.pin_key(connection, publisher, 1, package.key, None)
        return
    if package.key == present.key:
        return
    if any(one.key == package.key for one in keys):
        raise Refused(
            f"retired key: {publisher} rotated {package.key[:16]}…; its key is now"
            f" {present.key[:16]}…"
        )
    raise Refused(
        f"wrong key: packages of {publisher} are signed with {present.key[:16]}…, this one with"
        f" {package.key[:16]}…; a key changes by a rotation that the old key signs"
    )


def _present(keys: list[PublisherKey]) -> PublisherKey | None:
    return next((one for one in keys if one.retired_at is None), None)


def _add(connection: Connection, package: VerifiedPackage, archive: bytes) -> Publication:
    manifest = package.manifest
    flags = _flags(connection, manifest)
    status: PackageStatus = "held" if flags else "listed"
    package_id = packages.add_package(connection, manifest, status, flags)
    if package_id is None:
        raise Refused(f"{manifest.name}: the name is taken")
    packages.add_version(connection, package_id, manifest, package.digest, (package.key, archive))
    return _publication(package_id, package, status, flags)


def _raise_version(
    connection: Connection, row: PackageRow, package: VerifiedPackage, archive: bytes
) -> Publication:
    manifest = package.manifest
    if row.publisher != manifest.publisher:
        raise Refused(
            f"{row.name}: the name belongs to publisher {row.publisher}; {manifest.publisher}"
            " cannot publish under it (dependency confusion)"
        )
    if row.status == "withdrawn":
        raise Refused(f"{row.name}: the package was withdrawn: {'; '.join(row.flags)}")
    latest = packages.read_versions(connection, row.id)[-1]
    if latest.version == manifest.version and latest.digest == package.digest:
        return _publication(row.id, package, row.status, row.flags, is_new=False)
    _check_version(row.name, latest, package)
    if manifest.card.title != latest.manifest.card.title:
        flags = _flags(connection, manifest)
        if flags:
            raise Refused(f"{row.name}: the new title is refused: {'; '.join(flags)}")
    packages.describe_package(connection, row.id, manifest)
    packages.add_version(connection, row.id, manifest, package.digest, (package.key, archive))
    return _publication(row.id, package, row.status, row.flags)


def _check_version(name: str, latest: PackageVersionRow, package: VerifiedPackage) -> None:
    manifest = package.manifest
    if manifest.version == latest.version:
        changed = describe_difference(difference(latest.manifest, manifest))
        raise Refused(
            f"{name} {manifest.version}: is published with other bytes (SHA-256"
            f" {latest.digest[:16]}…, now {package.digest[:16]}…): {changed}; give it a new version"
        )
    if version_order(manifest.version) <= version_order(latest.version):
        raise Refused(
            f"{name} {manifest.version}: is not above {latest.version}, which is published;"
            " versions only rise (an old version was sent again?)"
        )


def _flags(connection: Connection, manifest: Manifest) -> list[str]:
    """Why a person must look at a name first."""
    flags = [
        f"name: looks like {row.name} ({row.title}) of publisher {row.publisher}"
        for row in packages.near_packages(connection, manifest)
    ]
    own = set(near_keys(names_of(manifest)))
    flags += [
        f"name: looks like {one.name} ({one.card.title}) of Runlore itself"
        for one in first_party_packages().values()
        if own & set(near_keys(names_of(one)))
        and not any(flag.startswith(f"name: looks like {one.name} ") for flag in flags)
    ]
    mixed = mixed_scripts(manifest.card.title)
    return [*flags, mixed] if mixed else flags


def _publication(
    package_id: UUID,
    package: VerifiedPackage,
    status: PackageStatus,
    flags: list[str],
    *,
    is_new: bool = True,
) -> Publication:
    manifest = package.manifest
    return Publication(
        package_id,
        manifest.name,
        manifest.publisher,
        manifest.version,
        package.digest,
        status,
        tuple(flags),
        is_new,
    )
