"""The version behind @champion answers; one that fails never does."""

import logging
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from handmade import plan_of, register, write_bundle

from bentos.predict import follower as following
from bentos.predict import version_cache
from bentos.predict.follower import Follower
from runlore.app import App
from runlore.kernel import instants
from runlore.kernel.errors import NoChampion, Unavailable
from runlore.registry import Registry
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext
from runlore.rollout.rules.ramp import ManualOrder
from runlore.serving.actions.promotion import ChangeReason
from runlore.serving.queries import feature_states
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.store import embedded
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
NAME = "failure-risk"
PLAN = plan_of(failure_risk.SPEC)


def new_version(registry: Registry, folder: Path, seed: int) -> str:
    return register(registry, write_bundle(folder, NAME, seed)).version


def answering(follower: Follower) -> str | None:
    try:
        return follower.serving.champion(NAME).bundle.version
    except NoChampion:
        return None


def test_the_service_follows_the_alias(
    follower: Follower, home: tuple[Settings, Registry], tmp_path: Path
) -> None:
    registry = home[1]
    follower.step()
    assert answering(follower) is None
    assert follower.serving.why_not_ready() == ""
    first = new_version(registry, tmp_path / "1", 1)
    registry.set_alias(NAME, "champion", first)
    follower.step()
    assert answering(follower) == first
    second = new_version(registry, tmp_path / "2", 2)
    follower.step()
    assert answering(follower) == first
    registry.set_alias(NAME, "champion", second)
    before = follower.serving.live
    follower.step()
    assert answering(follower) == second
    assert before[NAME].bundle.version == first
    registry.remove_alias(NAME, "champion")
    follower.step()
    assert answering(follower) is None


def test_a_rollout_s_share_is_taken_over_at_the_next_look_up_and_down(
    follower: Follower, home: tuple[Settings, Registry], tmp_path: Path
) -> None:
    settings, registry = home
    for alias, seed in (("champion", 1), ("challenger", 2)):
        registry.set_alias(NAME, alias, new_version(registry, tmp_path / alias, seed))
    with open_store(settings) as store:
        hand = RolloutContext(store, registry, settings.home / "serving")
        steps.start(hand, failure_risk.SPEC, instants.now(), ChangeReason("ann", "trial"))
        follower.step()
        taken = sum(follower.serving.challenges[NAME].takes(NAME, f"e{n}") for n in range(5_000))
        assert 20 < taken < 90
        stop = ManualOrder("ann", "enough", "stop")
        steps.order(hand, failure_risk.SPEC, stop, instants.now())
        follower.step()
    assert not any(follower.serving.challenges[NAME].takes(NAME, f"e{n}") for n in range(5_000))


def test_a_version_that_goes_live_has_its_histories_kept(
    follower: Follower, home: tuple[Settings, Registry], tmp_path: Path
) -> None:
    registry = home[1]
    registry.set_alias(NAME, "champion", new_version(registry, tmp_path / "3", 3))
    follower.step()
    plan = follower.serving.champion(NAME).bundle.plan
    with follower.serving.database().connect() as connection:
        assert set(plan.histories) <= set(feature_states.active(connection))


def test_a_version_that_cannot_be_loaded_never_answers_and_the_old_one_stays(
    follower: Follower,
    home: tuple[Settings, Registry],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = home[1]
    good = new_version(registry, tmp_path / "4", 4)
    registry.set_alias(NAME, "champion", good)
    follower.step()
    narrow = write_bundle(tmp_path / "narrow", NAME, plan=replace(PLAN, inputs=()))
    graph = (narrow / "model.onnx").read_bytes()
    bad = register(registry, write_bundle(tmp_path / "5", NAME, 5, graph=graph))
    registry.set_alias(NAME, "champion", bad.version)
    for _ in range(3):
        follower.step()
    assert answering(follower) == good
    refusals = [r for r in caplog.records if "does not go live" in r.message]
    assert len(refusals) == 1
    registry.set_alias(NAME, "champion", good)
    follower.step()
    assert answering(follower) == good


def test_a_version_of_nonsense_never_answers(
    follower: Follower,
    home: tuple[Settings, Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from runlore.models.bundle import Bundle, ModelOutput

    registry = home[1]
    registry.set_alias(NAME, "champion", new_version(registry, tmp_path / "6", 6))
    monkeypatch.setattr(
        Bundle, "predict", lambda *_: ModelOutput(__import__("numpy").array([float("nan")]))
    )
    follower.step()
    assert answering(follower) is None


def test_a_failed_version_is_tried_again_later(
    follower: Follower,
    home: tuple[Settings, Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = home[1]
    ref = register(registry, write_bundle(tmp_path / "8", NAME, 8))
    with monkeypatch.context() as patch:
        patch.setattr(version_cache, "load", lambda *_: 1 / 0)
        registry.set_alias(NAME, "champion", ref.version)
        follower.step()
    follower.step()
    assert answering(follower) is None
    monkeypatch.setattr(version_cache.time, "monotonic", lambda: 1e12)
    follower.step()
    assert answering(follower) == ref.version


def test_a_registry_that_is_away_changes_nothing_and_is_told_once(
    follower: Follower,
    home: tuple[Settings, Registry],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = home[1]
    version = new_version(registry, tmp_path / "9", 9)
    registry.set_alias(NAME, "champion", version)
    follower.step()
    away = Settings(home=home[0].home, mlflow_tracking_uri="http://127.0.0.1:1")
    reachable, follower.app = follower.app, App(away, follower.serving.store)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        follower.step()
    assert answering(follower) == version
    told = [record.message for record in caplog.records if record.name == "runlore.serving"]
    assert len(told) == 1
    follower.app = reachable
    follower.step()
    assert "reachable again" in caplog.text


def test_a_share_that_is_taken_away_reaches_a_worker_whose_registry_is_away(
    follower: Follower,
    home: tuple[Settings, Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, registry = home
    for alias, seed in (("champion", 10), ("challenger", 11)):
        registry.set_alias(NAME, alias, new_version(registry, tmp_path / alias, seed))
    with open_store(settings) as store:
        hand = RolloutContext(store, registry, settings.home / "serving")
        steps.start(hand, failure_risk.SPEC, instants.now(), ChangeReason("ann", "trial"))
        follower.step()
        first = follower.serving.challenges[NAME].arms.share
        away = Settings(home=settings.home, mlflow_tracking_uri="http://127.0.0.1:1")
        monkeypatch.setattr(follower, "app", App(away, follower.serving.store))
        more = ManualOrder("ann", "go on", "step", 50)
        steps.order(hand, failure_risk.SPEC, more, instants.now())
        follower.step()
        assert follower.serving.challenges[NAME].arms.share == first > 0, "only less is taken over"
        steps.order(hand, failure_risk.SPEC, ManualOrder("ann", "enough", "stop"), instants.now())
        follower.step()
    assert follower.serving.challenges[NAME].arms.share == 0
    assert not follower.serving.challenges[NAME].arms.shadow
    assert answering(follower) is not None
    assert follower.poller.trouble


def test_an_embedded_server_that_died_is_started_again(
    follower: Follower, home: tuple[Settings, Registry]
) -> None:
    follower.step()
    os.kill(embedded.state(home[0].home).pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while not follower.serving.why_not_ready() and time.monotonic() < until:
        time.sleep(0.05)
    assert follower.serving.why_not_ready()
    while follower.serving.why_not_ready() and time.monotonic() < until:
        follower.step()
    assert follower.serving.why_not_ready() == ""


def test_a_shadow_leaves_a_database_that_has_died_to_the_service(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that would have the shadow's low priority."""
    follower.step()
    known = follower.serving.store
    monkeypatch.setattr(following, "_answers", lambda _: False)
    shadow = replace(follower, is_shadow=True)
    with pytest.raises(Unavailable, match="away"):
        shadow._answering_store()
    assert shadow.serving.store is known
    assert follower._answering_store() is not known
