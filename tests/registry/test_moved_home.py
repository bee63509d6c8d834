"""A home that is moved or copied: its versions, artifacts and reports are found where it is now."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from runlore import registry
from runlore.registry import ModelRelease
from runlore.settings import Settings
from runlore.store import embedded
from runlore.store.engine import open_store


@pytest.fixture
def home(short_tmp: Path) -> Iterator[Path]:
    yield short_tmp / "first"
    for folder in short_tmp.iterdir():
        if folder.is_dir() and not folder.is_symlink():
            embedded.stop(folder)


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url=None, mlflow_tracking_uri=None)


def publish(home: Path, release: ModelRelease) -> None:
    """Register a version, and write down a report and an import as runs of flows do."""
    settings = settings_of(home)
    with open_store(settings) as store:
        connected = registry.connect(settings, store)
        with connected.training_run(release.spec) as run:
            connected.register(run, release)
        with store.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO runlore.ingests (source, path, records, mapping_digest,"
                    " prefix_digest) VALUES ('csv', :path, 'executions', '', '')"
                ),
                {"path": str(home / "demo" / "inbox.csv")},
            )


def paths(home: Path) -> set[str]:
    with open_store(settings_of(home)) as store, store.begin() as connection:
        return {
            str(value)
            for column, table in (
                ("artifact_location", "mlflow.experiments"),
                ("artifact_uri", "mlflow.runs"),
                ("source", "mlflow.model_versions"),
                ("path", "runlore.ingests"),
            )
            for value in connection.scalars(text(f"SELECT {column} FROM {table}"))
        }


@pytest.mark.parametrize("how", ["move", "copy"])
def test_versions_and_files_are_found_where_the_home_is_now(
    home: Path, release: ModelRelease, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(home, release)
    before = paths(home)
    assert len(before) >= 4
    new = home.with_name("second")
    if how == "move":
        home.rename(new)
    else:
        shutil.copytree(home, new, symlinks=True)
        shutil.rmtree(home / "artifacts")
    with caplog.at_level(logging.WARNING):
        after = paths(new)
    assert after == {path.replace(str(home), str(new)) for path in before}
    assert f"this home was moved from {home}" in caplog.text
    settings = settings_of(new)
    with open_store(settings) as store:
        connected = registry.connect(settings, store)
        bundle = connected.download(connected.version(release.spec, "1"))
    assert bundle.is_dir()


def test_a_home_that_stays_is_left_alone_under_all_its_names(
    home: Path, release: ModelRelease, caplog: pytest.LogCaptureFixture
) -> None:
    publish(home, release)
    before = paths(home)
    link = home.with_name("link")
    link.symlink_to(home)
    assert paths(link) == paths(home) == before
    assert caplog.text == ""
