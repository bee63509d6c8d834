"""A version that is not what was registered never answers; the one that answers goes on."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from handmade import forge, register, stored, write_bundle
from mlflow import MlflowClient

from bentos.http.errors import problem
from bentos.predict.follower import Follower
from runlore.alerts.queries import anomalies
from runlore.app import App
from runlore.kernel.errors import BrokenChampion, NoChampion, Unavailable
from runlore.registry import Registry, VersionRef
from runlore.registry.versions import DIGEST
from runlore.serving.actions import integrity, promotion
from runlore.serving.actions.broken_versions import former_champions
from runlore.serving.actions.promotion import ChangeReason
from runlore.serving.queries import broken_versions
from runlore.settings import Settings
from runlore.store.engine import Store

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


def broken_alerts(follower: Follower) -> list[anomalies.Anomaly]:
    with follower.serving.database().begin() as connection:
        return anomalies.read_open(connection, broken_versions.KIND)


@pytest.fixture
def damaged(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef], tmp_path: Path
) -> Iterator[tuple[Follower, VersionRef]]:
    """A champion and its former ones, damaged where they are stored and in the cache, on a
    service that has just started."""
    (settings, registry), (one, two) = home, pair
    shutil.copytree(stored(one), tmp_path / "copy")
    for ref in registry.versions(NAME):
        if ref.version != two.version and stored(ref).exists():
            forge(stored(ref))
    shutil.rmtree(settings.home / "serving")
    fresh = Follower(App(settings), type(follower.serving)((NAME, "duration")))
    yield fresh, one
    fresh.close()


def test_a_damaged_champion_is_named_to_clients_to_probes_and_in_an_alert(
    damaged: tuple[Follower, VersionRef],
) -> None:
    fresh, one = damaged
    fresh.step()
    named = f"{NAME} version {one.version}"
    with pytest.raises(BrokenChampion, match=named) as refusal:
        fresh.serving.champion(NAME)
    answer = problem(refusal.value)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert "its files are not those that were registered" in answer.detail
    assert "runlore train" not in answer.detail
    assert named in fresh.serving.why_not_ready()
    [alert] = broken_alerts(fresh)
    assert (alert.subject, alert.severity) == (named, "critical")
    assert "no version answers" in alert.evidence["what"]
    assert f"runlore rollback {NAME}" in alert.evidence["advice"]
    assert is_told(fresh, one)


def test_a_damaged_champion_answers_again_when_its_files_are_restored(
    damaged: tuple[Follower, VersionRef], tmp_path: Path
) -> None:
    fresh, one = damaged
    fresh.step()
    shutil.rmtree(stored(one))
    shutil.copytree(tmp_path / "copy", stored(one))
    look(fresh)
    assert answering(fresh) == one.version
    assert fresh.serving.why_not_ready() == ""
    assert broken_alerts(fresh) == []


def test_a_deleted_champion_is_broken_too(damaged: tuple[Follower, VersionRef]) -> None:
    fresh, one = damaged
    shutil.rmtree(stored(one))
    fresh.step()
    with pytest.raises(BrokenChampion, match="its files are missing or unreadable"):
        fresh.serving.champion(NAME)
    assert [alert.subject for alert in broken_alerts(fresh)] == [f"{NAME} version {one.version}"]


def test_former_champions_are_tried_once_for_each_attempt_on_the_champion(
    damaged: tuple[Follower, VersionRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, _ = damaged
    looks: list[str] = []

    def count(store: Store, spec: str, version: str) -> Sequence[str]:
        looks.append(version)
        return former_champions(store, spec, version)

    monkeypatch.setattr("runlore.serving.actions.broken_versions.former_champions", count)
    for _ in range(3):
        fresh.step()
    assert len(looks) == 1


def test_the_former_champion_answers_for_a_damaged_one_until_another_takes_over(
    follower: Follower, home: Home, pair: tuple[VersionRef, VersionRef]
) -> None:
    settings, registry = home
    one, two = pair
    store = follower.serving.database()
    promotion.promote(store, registry, NAME, ChangeReason("me", "better"), two.version)
    forge(stored(two))
    shutil.rmtree(settings.home / "serving")
    fresh = Follower(App(settings), type(follower.serving)((NAME, "duration")))
    try:
        for _ in range(2):
            look(fresh)
            assert answering(fresh) == one.version
        assert fresh.serving.why_not_ready() == ""
        [alert] = broken_alerts(fresh)
        assert (alert.subject, alert.severity) == (f"{NAME} version {two.version}", "warning")
        assert f"version {one.version}, the former champion, answers" in alert.evidence["what"]
        promotion.rollback(store, registry, NAME, ChangeReason("me", "broken"))
        look(fresh)
        assert answering(fresh) == one.version
        assert broken_alerts(fresh) == []
    finally:
        fresh.close()


def test_before_the_registry_was_read_nobody_is_sent_to_train(follower: Follower) -> None:
    with pytest.raises(Unavailable, match="not known yet"):
        follower.serving.champion(NAME)
    follower.step()
    with pytest.raises(NoChampion, match="runlore train"):
        follower.serving.champion(NAME)


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
