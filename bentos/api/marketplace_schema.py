"""Bodies about packages and installations. The dialect of multi-agent has the same ones."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from bentos.api.agents_schema import Line
from bentos.http.schemas import Closed
from runlore.kernel.errors import BadInput
from runlore.marketplace.actions.catalog import (
    CatalogPage,
    MarketplaceTotals,
    PackageDetail,
    PublishedVersion,
)
from runlore.marketplace.actions.installing import AvailableUpdate
from runlore.marketplace.actions.publishing import Publication
from runlore.marketplace.queries.installations import InstallationRow
from runlore.marketplace.queries.packages import PackageStatus
from runlore.marketplace.queries.search import CatalogRow
from runlore.marketplace.rules.archives import MAX_ARCHIVE_BYTES
from runlore.marketplace.rules.manifest import FIRST_PARTY, manifest_bytes
from runlore.marketplace.rules.permissions import MAX_PERMISSIONS, explain_permission

MAX_BASE64 = MAX_ARCHIVE_BYTES * 4 // 3 + 4
Accepted = Annotated[list[Line], Field(max_length=2 * MAX_PERMISSIONS)]


class PackageUpload(Closed):
    """A package to publish."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"archive": "UEsDBBQA"}]})

    archive: Annotated[
        str,
        Field(
            max_length=MAX_BASE64,
            pattern=r"^[A-Za-z0-9+/]*={0,2}$",
            description="the zip that `runlore marketplace pack` writes, in base64",
        ),
    ]

    def content(self) -> bytes:
        try:
            return base64.b64decode(self.archive, validate=True)
        except binascii.Error as error:
            raise BadInput(f"archive: is no base64: {error}", "archive") from error


class InstallRequest(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [{"custom_name": "MyAnalyzer"}]})

    custom_name: Line | None = Field(
        default=None, description="name of the agent; without it, the package's title"
    )


class UpdateRequest(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [{"accept": ["clock"]}]})

    accept: Accepted = Field(
        default_factory=list,
        description="permissions, and `limit:NAME`, that the new version gets in addition",
    )


class PublishedPackage(Closed):
    """is_new: false: these bytes were published before. flags: why a person must approve it."""

    package_id: UUID
    name: str
    publisher: str
    version: str
    digest: str = Field(description="SHA-256 of the archive")
    status: PackageStatus
    flags: list[str]
    is_new: bool


class MarketplacePackage(Closed):
    """agent_id: of the package, as `install` takes it. Nothing is charged: prices are shown."""

    agent_id: UUID
    name: str
    agent_name: str
    publisher: str
    is_first_party: bool
    version: str
    description: str
    agent_type: str
    capabilities: list[str]
    form: str
    permissions: list[str]
    price_cents: int
    currency: str
    rating: float | None = Field(
        description="0 to 5, from tasks of installed agents; null: none has ended"
    )
    tasks_completed: int
    tasks_failed: int
    download_count: int = Field(description="installations on record")
    installed: int
    published_at: datetime


class MarketplaceSearch(Closed):
    agents: list[MarketplacePackage]
    total: int = Field(description="of all pages")
    next_offset: int | None


class PackageVersion(Closed):
    version: str
    digest: str
    changelog: str
    published_at: datetime


class ExplainedPermission(Closed):
    permission: str
    meaning: str


class MarketplaceDetail(Closed):
    """manifest: of the newest version, as the publisher signed it."""

    package: MarketplacePackage
    status: PackageStatus
    flags: list[str]
    permissions: list[ExplainedPermission]
    manifest: dict[str, Any]
    versions: list[PackageVersion] = Field(description="the newest first")


class InstalledPackage(Closed):
    """agent_id: of the installed agent."""

    agent_id: UUID
    agent_name: str
    package_id: UUID
    package: str
    publisher: str
    version: str
    latest_version: str
    permissions: list[str]
    digest: str
    installed_at: datetime
    updated_at: datetime


class InstallationMade(Closed):
    message: str
    installed: InstalledPackage


class InstalledPackages(Closed):
    agents: list[InstalledPackage]


class ChangedPart(Closed):
    what: str
    before: str | None
    after: str | None


class UpdateDifference(Closed):
    """asks: permissions, and `limit:NAME` of raised limits, that it asks for in addition."""

    before: str
    after: str
    asks: list[str]
    gives_up: list[str]
    fields: list[ChangedPart]
    files: list[ChangedPart] = Field(description="by SHA-256")


class PackageUpdates(Closed):
    """stopped: why the update needs a person, or is refused."""

    installed: InstalledPackage
    updates_available: bool
    latest_version: str
    stopped: list[str]
    difference: UpdateDifference | None
    versions: list[PackageVersion] = Field(description="the newest first")


class MarketplaceStats(Closed):
    total_agents: int
    total_downloads: int
    installed: int
    rated_agents: int
    average_rating: float | None
    types: dict[str, int]
    top_rated: list[MarketplacePackage]
    most_downloaded: list[MarketplacePackage]


def package_body(row: CatalogRow) -> MarketplacePackage:
    return MarketplacePackage(
        agent_id=row.id,
        name=row.name,
        agent_name=row.title,
        publisher=row.publisher,
        is_first_party=row.publisher == FIRST_PARTY,
        version=row.version,
        description=row.description,
        agent_type=row.agent_type,
        capabilities=row.capabilities,
        form=row.form,
        permissions=row.permissions,
        price_cents=row.price_cents,
        currency=row.currency,
        rating=None if row.rating is None else round(row.rating, 2),
        tasks_completed=row.tasks_completed,
        tasks_failed=row.tasks_failed,
        download_count=row.downloads,
        installed=row.installed,
        published_at=row.published_at,
    )


def search_body(page: CatalogPage, offset: int) -> MarketplaceSearch:
    end = offset + len(page.packages)
    return MarketplaceSearch(
        agents=[package_body(row) for row in page.packages],
        total=page.total,
        next_offset=end if page.packages and end < page.total else None,
    )


def detail_body(found: PackageDetail) -> MarketplaceDetail:
    manifest = found.manifest.model_validate_json(manifest_bytes(found.manifest))
    return MarketplaceDetail(
        package=package_body(found.package),
        status=found.package.status,
        flags=found.package.flags,
        permissions=[
            ExplainedPermission(permission=one, meaning=explain_permission(one))
            for one in found.manifest.permissions
        ],
        manifest=manifest.model_dump(mode="json", by_alias=True, exclude_none=True),
        versions=_versions(found.versions),
    )


def publication_body(made: Publication) -> PublishedPackage:
    return PublishedPackage(**asdict(made) | {"flags": list(made.flags)})


def installed_body(row: InstallationRow) -> InstalledPackage:
    values = asdict(row)
    del values["uninstalled_at"]
    return InstalledPackage(**values)


def updates_body(found: AvailableUpdate) -> PackageUpdates:
    difference = found.decision and UpdateDifference.model_validate(
        asdict(found.decision.difference)
    )
    return PackageUpdates(
        installed=installed_body(found.installation),
        updates_available=bool(found.versions),
        latest_version=found.versions[0].version if found.versions else found.installation.version,
        stopped=list(found.stopped),
        difference=difference,
        versions=_versions(found.versions),
    )


def stats_body(totals: MarketplaceTotals) -> MarketplaceStats:
    mean = totals.mean_rating
    return MarketplaceStats(
        total_agents=totals.packages,
        total_downloads=totals.downloads,
        installed=totals.installed,
        rated_agents=totals.rated,
        average_rating=None if mean is None else round(mean, 2),
        types=totals.types,
        top_rated=[package_body(row) for row in totals.top_rated],
        most_downloaded=[package_body(row) for row in totals.most_downloaded],
    )


def _versions(versions: Sequence[PublishedVersion]) -> list[PackageVersion]:
    return [PackageVersion(**asdict(one)) for one in versions]
