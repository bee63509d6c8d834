"""What people decide about packages: approve one that is held, withdraw one."""

from collections.abc import Sequence
from uuid import UUID

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.marketplace.queries import packages, search
from runlore.marketplace.queries.packages import PackageRow
from runlore.marketplace.queries.publishers import lock_marketplace
from runlore.marketplace.queries.search import CatalogRow
from runlore.store.engine import Store


def held_packages(store: Store) -> Sequence[CatalogRow]:
    """Those that wait for a person, the oldest first."""
    return search.held_packages(store)


def approve_package(store: Store, package_id: UUID) -> PackageRow:
    """Let a held package in. Raises NotFound, and Refused where it is not held."""
    with store.connect() as connection:
        lock_marketplace(connection)
        row = _existing(packages.package_by_id(connection, package_id), package_id)
        if row.status != "held":
            raise Refused(f"{row.name} is {row.status}, not held")
        packages.set_status(connection, package_id, "listed", row.flags)
        return _existing(packages.package_by_id(connection, package_id), package_id)


def withdraw_package(store: Store, package_id: UUID, reason: str) -> PackageRow:
    """Take a package out: nobody installs it, and its installed agents load it no more."""
    if not 1 <= len(reason.strip()) <= 500:
        raise BadInput("reason: say why, in 1 to 500 characters", "reason")
    with store.connect() as connection:
        lock_marketplace(connection)
        row = _existing(packages.package_by_id(connection, package_id), package_id)
        packages.set_status(connection, package_id, "withdrawn", [*row.flags, reason.strip()])
        return _existing(packages.package_by_id(connection, package_id), package_id)


def _existing(row: PackageRow | None, package_id: UUID) -> PackageRow:
    if row is None:
        raise NotFound(f"there is no package {package_id}")
    return row
