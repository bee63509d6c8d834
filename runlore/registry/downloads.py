"""Brings a version's bundle to this machine: whole, and the one that was registered, or not at all.

What a bundle must be is the digest that the caller names. The one inside the bundle is no
evidence: who changes the bundle changes that too.
"""

import logging
import shutil
import tempfile
from pathlib import Path

from runlore.kernel.errors import Tampered
from runlore.registry.packaging import BUNDLE_PATH
from runlore.registry.session import Session
from runlore.registry.versions import VersionRef

log = logging.getLogger("runlore.registry")


def fetch(session: Session, ref: VersionRef, folder: Path, digest: str) -> Path:
    """The bundle's folder. Versions never change, so one that is there is not fetched again,
    unless a cut of power or somebody's hand has changed it.

    Raises Tampered when the registry's files have another digest, or are gone.
    """
    from runlore.models.bundle import digest_on_disk

    place = place_of(folder, ref.spec, ref.version, digest)
    if place.is_dir():
        disk_digest = digest_on_disk(place)
        if disk_digest == digest:
            return place
        changed = Tampered(ref.spec, ref.version, f"its copy in {place}", digest, disk_digest)
        log.warning("%s. The copy is fetched again", changed)
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place.parent) as draft:
        fetched = _download(session, ref, Path(draft))
        disk_digest = digest_on_disk(fetched) if fetched else ""
        if not (digest and fetched and disk_digest == digest):
            raise Tampered(
                ref.spec, ref.version, f"its bundle in {ref.source}", digest, disk_digest
            )
        _put(fetched, place)
    return place


def place_of(folder: Path, spec: str, version: str, digest: str) -> Path:
    """Where a version's bundle lies inside a folder of versions."""
    return folder / spec / f"{version}-{digest[:12]}"


def is_intact(session: Session, ref: VersionRef, digest: str) -> bool:
    """Whether the registry's files of a version have a digest."""
    with tempfile.TemporaryDirectory(prefix="runlore-version-") as folder:
        try:
            fetch(session, ref, Path(folder), digest)
        except Tampered:
            return False
    return True


def _download(session: Session, ref: VersionRef, draft: Path) -> Path | None:
    """None when the files are gone."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    source = session.client.get_model_version_download_uri(ref.spec, ref.version)
    place = f"{source}/{BUNDLE_PATH}"
    try:
        fetched = mlflow.artifacts.download_artifacts(
            artifact_uri=place, dst_path=str(draft), tracking_uri=session.uri
        )
    except (FileNotFoundError, MlflowException):  # MLflow has no one error for what is not there
        if mlflow.artifacts.list_artifacts(artifact_uri=place, tracking_uri=session.uri):
            raise
        return None
    return Path(fetched)


def _put(fetched: Path, place: Path) -> None:
    try:
        fetched.rename(place)
    except OSError:
        if not place.is_dir():
            raise
