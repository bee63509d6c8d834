"""The champion's bundle for a process that answers once: without MLflow, where that is possible.

MLflow takes seconds to import. Where its tables lie in our database and the bundle is on this
machine already, two statements tell which version that is, and its digest that it is whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.registry import alias_history, downloads
from runlore.registry.connection import tables_of
from runlore.registry.registry import CHAMPION, Registry
from runlore.registry.versions import DIGEST, DigestedVersion
from runlore.store import tracking

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle
    from runlore.store.engine import Store


@dataclass(frozen=True)
class ChampionFiles:
    """The files of the version that answers, which are those that were registered."""

    folder: Path
    version: str
    digest: str


def load_champion(
    store: "Store", spec: str, folder: Path, connect: Callable[[], Registry], *, has_tables: bool
) -> "Bundle | None":
    """Load the version that answers; None: there is none.

    folder: where versions are fetched to, and lie from then on. connect: opens the registry, where
    that is needed. has_tables: MLflow's tables lie in this database. Raises Tampered for a bundle
    that is not the one that was registered.
    """
    files = fetch_champion(store, spec, folder, connect, has_tables=has_tables)
    return None if files is None else load_files(files)


def load_files(files: ChampionFiles) -> "Bundle":
    """Load a bundle that was fetched. Raises Tampered where it has another digest."""
    from runlore.models.bundle import Bundle

    return Bundle.load(files.folder, files.version, files.digest)


def fetch_champion(
    store: "Store", spec: str, folder: Path, connect: Callable[[], Registry], *, has_tables: bool
) -> ChampionFiles | None:
    """The same without loading it, for versions that are no bundle of a model."""
    if has_tables:
        champion = _of_tables(store, spec)
        if champion is None:
            return None
        if (files := _at_hand(spec, champion, folder)) is not None:
            return files
    registry = connect()
    ref = registry.champion(spec)
    if ref is None:
        return None
    return ChampionFiles(registry.download(ref, folder), ref.version, registry.expected_digest(ref))


def _of_tables(store: "Store", spec: str) -> DigestedVersion | None:
    """The champion with the digest that its bundle must have, as `Registry.expected_digest`."""
    tables = tables_of(tracking.tracking_url(store))
    if not tracking.is_used(tables):
        return None
    for _, alias, version, tag in tracking.aliases(tables, [spec], DIGEST):
        if alias == CHAMPION:
            digest = alias_history.digest_of(store, spec, version) or tag
            return DigestedVersion(version, digest)
    return None


def _at_hand(spec: str, champion: DigestedVersion, folder: Path) -> ChampionFiles | None:
    from runlore.models.bundle import digest_on_disk

    place = downloads.place_of(folder, spec, champion.version, champion.digest)
    if not champion.digest or digest_on_disk(place) != champion.digest:
        return None
    return ChampionFiles(place, champion.version, champion.digest)
