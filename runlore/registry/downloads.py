"""Brings a version's bundle to this machine: whole, or not at all."""

import shutil
import tempfile
from pathlib import Path

from runlore.registry.packaging import BUNDLE_PATH
from runlore.registry.session import Session
from runlore.registry.versions import VersionRef


def fetch(session: Session, ref: VersionRef, folder: Path) -> Path:
    """The bundle's folder. Versions never change, so one that is there is not fetched again,
    unless a cut of power or somebody's hand has damaged it."""
    import mlflow.artifacts

    from runlore.models.bundle import is_whole

    place = folder / ref.spec / f"{ref.version}-{ref.digest[:12]}"
    if place.is_dir():
        if is_whole(place):
            return place
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    source = session.client.get_model_version_download_uri(ref.spec, ref.version)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place.parent) as draft:
        fetched = mlflow.artifacts.download_artifacts(
            artifact_uri=f"{source}/{BUNDLE_PATH}", dst_path=draft, tracking_uri=session.uri
        )
        _put(Path(fetched), place)
    return place


def _put(fetched: Path, place: Path) -> None:
    try:
        fetched.rename(place)
    except OSError:
        if not place.is_dir():
            raise
