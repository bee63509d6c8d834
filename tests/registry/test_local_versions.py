"""A process brings a version to its machine once, and loads it once."""

from pathlib import Path
from typing import Any

import pytest

from runlore.models.bundle import Bundle
from runlore.registry import ModelRelease, Registry, VersionRef, connect, downloads
from runlore.settings import Settings
from runlore.store.engine import Store


@pytest.fixture
def own(registry_home: Path, database: Store) -> Registry:
    """A registry that no other test has used."""
    return connect(Settings(home=registry_home, mlflow_tracking_uri=None), database)


@pytest.fixture
def version(registry: Registry, release: ModelRelease) -> VersionRef:
    with registry.training_run(release.spec) as run:
        return registry.register(run, release)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that were downloaded, in order."""
    seen: list[str] = []
    download = downloads._download

    def watched(session: Any, ref: VersionRef, draft: Path) -> Path | None:
        seen.append(ref.version)
        return download(session, ref, draft)

    monkeypatch.setattr(downloads, "_download", watched)
    return seen


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders from which a bundle was loaded, in order."""
    seen: list[Path] = []

    def load(folder: Path, *_: object) -> object:
        seen.append(folder)
        return object()

    monkeypatch.setattr(Bundle, "load", load)
    return seen


def test_a_version_is_downloaded_and_loaded_once(
    own: Registry, version: VersionRef, fetched: list[str], loaded: list[Path]
) -> None:
    assert own.load(version) is own.load(version)
    assert loaded == [own.download(version)]
    assert fetched == [version.version]


def test_a_copy_that_lasts_is_loaded_anew_each_time(
    own: Registry, version: VersionRef, loaded: list[Path], tmp_path: Path
) -> None:
    assert own.load(version, tmp_path) is not own.load(version, tmp_path)
    assert loaded == [own.download(version, tmp_path)] * 2


def test_closing_removes_the_folder_and_the_registry_can_be_used_again(
    own: Registry, version: VersionRef, fetched: list[str], loaded: list[Path]
) -> None:
    own.load(version)
    first = own.download(version)
    own.close()
    own.close()
    assert not first.parents[1].exists()
    own.load(version)
    assert loaded[1].is_dir()
    assert fetched == [version.version] * 2
    own.close()


def test_a_registry_that_is_forgotten_leaves_no_folder(
    registry_home: Path, database: Store, version: VersionRef
) -> None:
    folder = connect(Settings(home=registry_home, mlflow_tracking_uri=None), database).download(
        version
    )
    assert not folder.exists()
