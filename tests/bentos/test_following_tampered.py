"""A version that is not what was registered never answers; the one that answers goes on."""

import shutil
from pathlib import Path

import pytest
from handmade import forge, register, stored, write_bundle
from mlflow import MlflowClient

from bentos.predict.follower import Follower
from runlore.alerts.queries import anomalies
from runlore.app import App
from runlore.kernel.errors import NoChampion
from runlore.registry import Registry, VersionRef
from runlore.registry.versions import DIGEST
from runlore.serving.actions import integrity, promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.settings import Settings

pytestmark = pytest.mark.slow
NAME = "failure-risk"
Home = tuple[Settings, Registry]


def answering(follower: Follower) -> str | None:
    try:
        return follower.serving.champion(NAME).bundle.version
    except NoChampion:
        return None


def is_told(follower: Follower, ref: VersionRef) -> bool:
    with follower.serving.database().begin() as connection:
        found = anomalies.read_open(connection, integrity.KIND)
    return f"{NAME} version {ref.version}" in [each.subject for each in found]


def look(follower: Follower) -> None:
    """As after the pause that a version gets which could not be loaded."""
    follower.versions._failed.clear()
    follower.step()


def tag(registry: Registry, ref: VersionRef, digest: str) -> None:
    uri = registry.tracking_uri
    MlflowClient(uri, uri).set_model_version_tag(NAME, ref.version, DIGEST, digest)


@pytest.fixture
def pair(follower: Follower, home: Home, tmp_path: Path) -> tuple[VersionRef, VersionRef]:
    """A champion that answers, and a challenger that no process has loaded yet."""
    follower.step()
    seeds = {name: abs(hash((tmp_path, name))) % 2**32 for name in ("one", "two")}
    made = [register(home[1], write_bundle(tmp_path / n, NAME, s)) for n, s in seeds.items()]
    store = follower.serving.database()
    promotion.announce(store, home[1], made[0], ChangeReason("me", "first"))
    look(follower)
    assert answering(follower) == made[0].version
    return made[0], made[1]


@pytest.mark.parametrize("with_tag", [False, True])
def test_a_forged_successor_never_answers_and_the_former_version_stays(
    follower: Follower,
    home: Home,
    pair: tuple[VersionRef, VersionRef],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    with_tag: bool,
) -> None:
    registry, (one, two), store = home[1], pair, follower.serving.database()
    promotion.record_registered(store, two, ChangeReason("me", "second"))
    shutil.copytree(stored(two), tmp_path / "copy")
    forged = forge(stored(two))
    if with_tag:
        tag(registry, two, forged)
    registry.set_alias(NAME, "champion", two.version)
    for _ in range(3):
        look(follower)
    assert answering(follower) == one.version
    assert f"version {two.version} does not go live" in caplog.text
    assert f"registered {two.digest[:12]}, found {forged[:12]}" in caplog.text
    assert is_told(follower, two)
    shutil.rmtree(stored(two))
    shutil.copytree(tmp_path / "copy", stored(two))
    tag(registry, two, two.digest)
    look(follower)
    assert answering(follower) == two.version
    assert not is_told(follower, two)


def test_a_forged_champion_does_not_answer_on_a_host_that_never_had_it(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef]
) -> None:
    settings, (one, _) = home[0], pair
    forge(stored(one))
    shutil.rmtree(settings.home / "serving")
    fresh = Follower(App(settings), type(follower.serving)((NAME, "duration")))
    try:
        fresh.step()
        with pytest.raises(NoChampion, match="is the champion and cannot be loaded"):
            fresh.serving.champion(NAME)
        assert is_told(fresh, one)
    finally:
        fresh.close()
    follower.step()
    assert answering(follower) == one.version


def test_a_copy_that_was_changed_on_this_host_is_fetched_again_before_it_answers(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef]
) -> None:
    settings, registry = home
    one = pair[0]
    cached = registry.download(one, settings.home / "serving")
    forge(cached)
    fresh = Follower(App(settings), type(follower.serving)((NAME, "duration")))
    try:
        fresh.step()
        assert fresh.serving.champion(NAME).bundle.digest == one.digest
    finally:
        fresh.close()


def test_a_version_whose_tag_is_changed_while_it_answers_goes_on_and_somebody_is_told(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef]
) -> None:
    one, before = pair[0], follower.serving.live[NAME]
    tag(home[1], one, "f" * 64)
    look(follower)
    assert follower.serving.live[NAME] is before
    assert is_told(follower, one)
    tag(home[1], one, one.digest)
    look(follower)
    assert answering(follower) == one.version
    assert not is_told(follower, one)


def test_a_challenger_whose_tag_is_changed_keeps_its_place(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef]
) -> None:
    registry, two = home[1], pair[1]
    promotion.announce(follower.serving.database(), registry, two, ChangeReason("me", "second"))
    look(follower)
    before = follower.serving.challenges[NAME].live
    tag(registry, two, "f" * 64)
    look(follower)
    assert follower.serving.challenges[NAME].live is before
