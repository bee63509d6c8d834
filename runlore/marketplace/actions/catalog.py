"""Read the catalog: search, details, totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runlore.agents.rules.registration import AGENT_TYPES, check_words
from runlore.kernel.errors import BadInput, NotFound
from runlore.marketplace.queries import packages, search
from runlore.marketplace.queries.publishers import lock_marketplace
from runlore.marketplace.queries.search import ORDERS, CatalogQuery, CatalogRow
from runlore.marketplace.rules.digests import manifest_digest
from runlore.marketplace.rules.first_party import first_party_packages
from runlore.marketplace.rules.manifest import Manifest
from runlore.store.engine import Store

MAX_PAGE = 100
MAX_OFFSET = 100_000
MAX_TEXT = 200
TOP = 5


@dataclass(frozen=True)
class CatalogPage:
    """total: of all pages together."""

    packages: Sequence[CatalogRow]
    total: int


@dataclass(frozen=True)
class PublishedVersion:
    version: str
    digest: str
    changelog: str
    published_at: datetime


@dataclass(frozen=True)
class PackageDetail:
    """manifest: of the newest version. versions: the newest first."""

    package: CatalogRow
    manifest: Manifest
    versions: Sequence[PublishedVersion]


@dataclass(frozen=True)
class MarketplaceTotals:
    """mean_rating: of rated packages; None: no package has a rating yet."""

    packages: int
    downloads: int
    installed: int
    rated: int
    mean_rating: float | None
    types: dict[str, int]
    top_rated: Sequence[CatalogRow]
    most_downloaded: Sequence[CatalogRow]


def search_catalog(store: Store, wanted: CatalogQuery) -> CatalogPage:
    """Raises BadInput that names the field."""
    _check(wanted)
    add_first_party(store)
    rows, total = search.search_packages(store, wanted)
    return CatalogPage(rows, total)


def find_package(store: Store, package_id: UUID) -> PackageDetail:
    """Raises NotFound."""
    add_first_party(store)
    row = search.read_package(store, package_id)
    if row is None:
        raise NotFound(f"there is no package {package_id}; `runlore marketplace search` shows all")
    with store.connect() as connection:
        versions = packages.read_versions(connection, package_id)
    listed = [
        PublishedVersion(one.version, one.digest, one.manifest.changelog, one.published_at)
        for one in reversed(versions)
    ]
    return PackageDetail(row, versions[-1].manifest, listed)


def package_id_of(store: Store, name_or_id: str) -> UUID:
    """A package by its id or its name. Raises NotFound."""
    add_first_party(store)
    try:
        return UUID(name_or_id)
    except ValueError:
        pass
    with store.connect() as connection:
        row = packages.package_by_name(connection, name_or_id[:200].replace("\x00", ""))
    if row is None:
        raise NotFound(
            f"there is no package {name_or_id[:80]!r}; `runlore marketplace search` shows all"
        )
    return row.id


def read_totals(store: Store) -> MarketplaceTotals:
    """The figures of the whole catalog."""
    add_first_party(store)
    totals, types = search.read_totals(store)
    rated = search.search_packages(store, CatalogQuery(min_rating=0.0, limit=TOP))[0]
    loaded = search.search_packages(store, CatalogQuery(sort_by="downloads", limit=TOP))[0]
    return MarketplaceTotals(
        **totals,
        types=types,
        top_rated=rated,
        most_downloaded=[row for row in loaded if row.downloads],
    )


def add_first_party(store: Store) -> None:
    """Runlore's own packages belong to the catalog, in the versions of this code."""
    wanted = first_party_packages()
    with store.connect() as connection:
        known = packages.newest_versions(connection, list(wanted))
        stale = [m for name, m in wanted.items() if known.get(name) != m.version]
        if not stale:
            return
        lock_marketplace(connection)
        for manifest in stale:
            row = packages.package_by_name(connection, manifest.name)
            if row is not None and row.version == manifest.version:
                continue
            package_id = row.id if row else packages.add_package(connection, manifest, "listed")
            if package_id is None:
                continue
            packages.describe_package(connection, package_id, manifest)
            digest = manifest_digest(manifest)
            packages.add_version(connection, package_id, manifest, digest, ("", None))


def _check(wanted: CatalogQuery) -> None:
    if len(wanted.text) > MAX_TEXT:
        raise BadInput(f"query: more than {MAX_TEXT} characters", "query")
    if wanted.type is not None and wanted.type not in AGENT_TYPES:
        raise BadInput(
            f"agent_type: {wanted.type[:40]!r} is none of {', '.join(AGENT_TYPES)}", "agent_type"
        )
    if wanted.sort_by not in ORDERS:
        raise BadInput(f"sort_by: use {', '.join(ORDERS)}", "sort_by")
    check_words(wanted.capabilities, "capabilities")
    if wanted.min_rating is not None and not 0 <= wanted.min_rating <= 5:
        raise BadInput("min_rating: give 0 to 5", "min_rating")
    if wanted.max_price_cents is not None and not 0 <= wanted.max_price_cents <= 2**31 - 1:
        raise BadInput("max_price_cents: give 0 or more", "max_price_cents")
    if not 1 <= wanted.limit <= MAX_PAGE:
        raise BadInput(f"limit: give 1 to {MAX_PAGE}", "limit")
    if not 0 <= wanted.offset <= MAX_OFFSET:
        raise BadInput(f"offset: give 0 to {MAX_OFFSET}", "offset")
