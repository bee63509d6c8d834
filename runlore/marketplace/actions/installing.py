"""Install packages, update them, remove them, and load the bytes that were accepted."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from runlore.agents.actions.registering import add_agent
from runlore.agents.queries.registry import AgentRow
from runlore.agents.rules.registration import AgentProfile, AgentWay
from runlore.kernel.errors import NotFound, Refused
from runlore.marketplace.actions.catalog import PublishedVersion, add_first_party
from runlore.marketplace.queries import installations, packages
from runlore.marketplace.queries.installations import InstallationRow
from runlore.marketplace.queries.packages import PackageRow, PackageVersionRow
from runlore.marketplace.queries.publishers import Connection, lock_marketplace
from runlore.marketplace.rules.archives import verify_archive
from runlore.marketplace.rules.differences import (
    UpdateDecision,
    decide_update,
    describe_difference,
)
from runlore.marketplace.rules.digests import manifest_digest
from runlore.marketplace.rules.first_party import first_party_packages
from runlore.marketplace.rules.manifest import Manifest, PackageForm
from runlore.store.engine import Store

WAYS: dict[PackageForm, AgentWay] = {
    "remote": "a2a",
    "mcp": "mcp",
    "wasm": "pull",
    "builtin": "pull",
}


@dataclass(frozen=True)
class AvailableUpdate:
    """versions: those above the installed one, the newest first. decision: None: it is up to date.

    stopped: why it cannot be installed as it is; a person may accept what it asks for.
    """

    installation: InstallationRow
    versions: Sequence[PublishedVersion]
    decision: UpdateDecision | None
    stopped: tuple[str, ...]


@dataclass(frozen=True)
class LoadedPackage:
    """What may run: exactly the bytes that were accepted, with the permissions that were granted.

    files: empty for a package that is built in.
    """

    installation: InstallationRow
    manifest: Manifest
    files: Mapping[str, bytes]
    permissions: frozenset[str]


def install(store: Store, package_id: UUID, custom_name: str | None = None) -> InstallationRow:
    """Register an agent for the newest version, with the permissions that it asks for.

    Raises NotFound, and Refused for a package that is held, is installed already under the same
    name, or whose stored bytes do not verify.
    """
    add_first_party(store)
    with store.connect() as connection:
        lock_marketplace(connection)
        row, latest = _installable(connection, package_id)
        standing = installations.installation_of(connection, package_id)
        if standing is not None and custom_name is None:
            raise Refused(
                f"{row.name} is installed already, as agent {standing.agent_name!r}; give a custom"
                " name to install it once more"
            )
        _load(connection, row, latest.version, latest.digest)
        agent = add_agent(connection, agent_profile(latest.manifest, custom_name))
        return _record(connection, row, latest, agent)


def uninstall(store: Store, agent_id: UUID) -> InstallationRow:
    """Undo an installation: its agent is removed; what its tasks have shown stays on record.

    Raises NotFound.
    """
    with store.connect() as connection:
        row = _existing(connection, agent_id)
        if not installations.end_installation(connection, agent_id):
            raise NotFound(f"agent {agent_id} is no longer installed")
    return row


def list_installed(store: Store, limit: int = 1000) -> list[InstallationRow]:
    """Those that stand, the oldest first."""
    with store.connect() as connection:
        return installations.list_installations(connection, limit)


def check_update(store: Store, agent_id: UUID, accepted: Collection[str] = ()) -> AvailableUpdate:
    """What an update of an installed agent would change. Raises NotFound."""
    add_first_party(store)
    with store.connect() as connection:
        row = _existing(connection, agent_id)
        package = packages.package_by_id(connection, row.package_id)
        versions = packages.read_versions(connection, row.package_id)
    current = next(one for one in versions if one.version == row.version)
    newer = [one for one in versions if one.number > current.number]
    listed = [
        PublishedVersion(one.version, one.digest, one.manifest.changelog, one.published_at)
        for one in reversed(newer)
    ]
    if not newer:
        return AvailableUpdate(row, [], None, ())
    decision = decide_update(current.manifest, newer[-1].manifest, row.permissions, accepted)
    stopped = list(decision.reasons)
    if package is not None and package.status != "listed":
        stopped.append(f"the package is {package.status}: {'; '.join(package.flags)}")
    return AvailableUpdate(row, listed, decision, tuple(stopped))


def update(store: Store, agent_id: UUID, accepted: Collection[str] = ()) -> InstallationRow:
    """Install the newest version in the place of the present one.

    accepted: permissions (and `limit:NAME`) that a person grants in addition.

    Raises NotFound, and Refused that shows the difference where the update asks for more.
    """
    found = check_update(store, agent_id, accepted)
    if found.decision is None:
        return found.installation
    row = found.installation
    if found.stopped:
        raise Refused(
            f"{row.package} {found.versions[0].version}: the update is stopped:"
            f" {'; '.join(found.stopped)}. Difference to {row.version}:"
            f" {describe_difference(found.decision.difference)}"
        )
    with store.connect() as connection:
        package, latest = _installable(connection, row.package_id)
        if latest.digest != found.versions[0].digest:
            raise Refused(f"{row.package}: a newer version came in; look at it first")
        _load(connection, package, latest.version, latest.digest)
        values = {
            "agent_id": agent_id,
            "before": row.version,
            "version": latest.version,
            "digest": latest.digest,
            "permissions": latest.manifest.permissions,
        }
        if not installations.update_installation(connection, values):
            raise Refused(f"{row.package}: another update was faster")
        profile = agent_profile(latest.manifest, row.agent_name)
        installations.update_agent(connection, agent_id, profile)
        return _existing(connection, agent_id)


def load_installed(store: Store, agent_id: UUID) -> LoadedPackage:
    """Read, verify and return what an installed agent may run.

    Raises NotFound, and Refused where the stored bytes are not those that were accepted.
    """
    with store.connect() as connection:
        row = _existing(connection, agent_id)
        package = packages.package_by_id(connection, row.package_id)
        if package is None or package.status == "withdrawn":
            raise Refused(f"{row.package}: the package was withdrawn; uninstall it")
        manifest, files = _load(connection, package, row.version, row.digest)
    granted = frozenset(row.permissions) & frozenset(manifest.permissions)
    return LoadedPackage(row, manifest, files, granted)


def agent_profile(manifest: Manifest, custom_name: str | None) -> AgentProfile:
    """The agent that an installation registers."""
    card, is_sent = manifest.card, manifest.form in {"remote", "mcp"}
    return AgentProfile(
        name=custom_name or card.title,
        type=card.agent_type,
        version=manifest.version,
        capabilities=card.capabilities,
        specializations=card.specializations,
        max_concurrent_tasks=card.max_concurrent_tasks,
        is_plugin=True,
        plugin_source=f"marketplace:{manifest.name}",
        plugin_author=manifest.publisher,
        way=WAYS[manifest.form],
        address=manifest.entry if is_sent else None,
        card_url=manifest.entry if manifest.form == "remote" else None,
        tool=manifest.tool if manifest.form == "mcp" else None,
    )


def _installable(connection: Connection, package_id: UUID) -> tuple[PackageRow, PackageVersionRow]:
    row = packages.package_by_id(connection, package_id)
    if row is None:
        raise NotFound(f"there is no package {package_id}; `runlore marketplace search` shows all")
    if row.status != "listed":
        raise Refused(
            f"{row.name} is {row.status}: {'; '.join(row.flags)};"
            f" `runlore marketplace approve {row.name}` lets it in"
        )
    return row, packages.read_versions(connection, package_id)[-1]


def _load(
    connection: Connection, row: PackageRow, version: str, digest: str
) -> tuple[Manifest, Mapping[str, bytes]]:
    """The manifest and files of a version. Raises Refused for any other bytes than `digest`."""
    archive = packages.read_archive(connection, row.id, version)
    if archive is None:
        manifest = first_party_packages().get(row.name)
        if manifest is None or manifest_digest(manifest) != digest:
            raise Refused(f"{row.name} {version}: this Runlore has another version; update it")
        return manifest, {}
    if hashlib.sha256(archive).hexdigest() != digest:
        raise Refused(f"{row.name} {version}: the stored bytes are not those that were accepted")
    package = verify_archive(archive)
    if (package.manifest.name, package.manifest.version) != (row.name, version):
        raise Refused(f"{row.name} {version}: the archive holds another package")
    return package.manifest, package.files


def _record(
    connection: Connection, row: PackageRow, latest: PackageVersionRow, agent: AgentRow
) -> InstallationRow:
    values = {
        "agent_id": agent.id,
        "package_id": row.id,
        "agent_name": agent.name,
        "version": latest.version,
        "digest": latest.digest,
        "permissions": latest.manifest.permissions,
    }
    installations.add_installation(connection, values)
    return _existing(connection, agent.id)


def _existing(connection: Connection, agent_id: UUID) -> InstallationRow:
    row = installations.read_installation(connection, agent_id)
    if row is None:
        raise NotFound(
            f"agent {agent_id} is not installed from the marketplace;"
            " `runlore marketplace installed` shows which are"
        )
    return row
