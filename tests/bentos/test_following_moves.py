"""What others do to aliases and versions, and what a worker that is busy or damaged makes of it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from handmade import plan_of, register, write_bundle
from mlflow import MlflowClient

from bentos.predict import follower as following
from bentos.predict import heartbeat, shadow_process
from bentos.predict.follower import Follower
from bentos.predict.shadow_process import Starter
from runlore.kernel import instants
from runlore.kernel.errors import NoChampion
from runlore.registry import Registry
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import Arms, ChangeReason
from runlore.serving.queries import workers
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk

pytestmark = pytest.mark.slow
NAME = "failure-risk"
ANN = ChangeReason("ann", "trial")
PLAN = plan_of(failure_risk.SPEC)
Home = tuple[Settings, Registry]


def answering(follower: Follower) -> str | None:
    try:
        return follower.serving.champion(NAME).bundle.version
    except NoChampion:
        return None


def version(registry: Registry, folder: Path, seed: int) -> str:
    return register(registry, write_bundle(folder / f"{seed}", NAME, seed)).version


def test_an_alias_that_is_moved_elsewhere_is_in_the_history_when_it_is_followed(
    follower: Follower, home: Home, tmp_path: Path
) -> None:
    for seed in (31, 32):
        moved = version(home[1], tmp_path, seed)
        home[1].set_alias(NAME, "champion", moved)
        follower.step()
    entry = promotion.as_of(follower.serving.database(), NAME, instants.now())["champion"]
    assert (entry.version, entry.action, entry.actor) == (moved, "found", promotion.ELSEWHERE)
    assert [digested.version for _, digested in follower.versions._loaded] == [
        entry.previous,
        moved,
    ]


def test_a_version_before_that_was_deleted_keeps_nobody_from_being_followed(
    follower: Follower, home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = home[1]
    first, second = (version(registry, tmp_path, seed) for seed in (33, 34))
    for each in (first, second):
        registry.set_alias(NAME, "champion", each)
        follower.step()
    store = follower.serving.database()
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.delete_model_version(NAME, first)
    follower.versions._loaded.clear()
    for _ in range(2):
        follower.step()
    assert (answering(follower), follower.poller.trouble) == (second, "")
    assert caplog.text.count(f"version {first} cannot come back") == 1
    assert workers.alive(store)
    before = promotion.rollback(store, registry, NAME, ANN)
    assert before.version not in (first, second), "the one that is gone is passed over"
    promotion.promote(store, registry, NAME, ANN, second)


def test_what_is_wrong_with_one_spec_keeps_no_other_from_being_followed(
    follower: Follower, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Follower._follow

    def follow(self: Follower, name: str, *given: object) -> None:
        if name == NAME:
            raise RuntimeError("what nobody thought of")
        own(self, name, *given)

    monkeypatch.setattr(Follower, "_follow", follow)
    home[1].set_alias(
        "duration",
        "champion",
        register(home[1], write_bundle(tmp_path / "d", "duration", 35)).version,
    )
    follower.step()
    assert set(follower.serving.live) == {"duration"}
    assert "what nobody thought of" in follower.poller.trouble
    home[1].remove_alias("duration", "champion")


def test_a_version_that_answers_otherwise_than_in_training_never_answers(
    follower: Follower, home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = version(home[1], tmp_path, 36)
    home[1].set_alias(NAME, "champion", good)
    follower.step()
    probe = {"rows": [[0.0] * len(PLAN.names)], "raw": [0.123]}
    bad = register(home[1], write_bundle(tmp_path / "bad", NAME, 37, probe=probe))
    home[1].set_alias(NAME, "champion", bad.version)
    follower.step()
    assert answering(follower) == good
    assert "where its training answered [0.123]" in caplog.text


def test_a_bundle_that_was_damaged_on_this_machine_is_fetched_again(
    follower: Follower, home: Home, tmp_path: Path
) -> None:
    settings, registry = home
    ref = register(registry, write_bundle(tmp_path / "b", NAME, 38))
    here = registry.download(ref, settings.home / "serving")
    (here / "model.onnx").write_bytes((here / "model.onnx").read_bytes()[:100])
    registry.set_alias(NAME, "champion", ref.version)
    follower.step()
    assert answering(follower) == ref.version


def test_requests_may_say_what_challenger_and_former_champion_know(
    follower: Follower, home: Home, tmp_path: Path
) -> None:
    """So that no client is refused when one takes the other's place."""
    registry = home[1]

    def knowing(*inputs: str) -> str:
        plan = replace(PLAN, inputs=inputs)
        return register(registry, write_bundle(tmp_path / inputs[0], NAME, plan=plan)).version

    def understood() -> set[str]:
        return set(follower.serving.schema(NAME).inputs.values()) & {"one", "two", "three"}

    one, two, three = knowing("one"), knowing("two"), knowing("three")
    registry.set_alias(NAME, "champion", one)
    follower.step()
    registry.set_alias(NAME, "challenger", two)
    follower.step()
    assert understood() >= {"one", "two"}
    store = follower.serving.database()
    promotion.promote(store, registry, NAME, ANN)
    follower.step()
    assert (answering(follower), understood()) == (two, {"one", "two"})
    body = '{"actor": "ann", "kind": "build", "inputs": {"one": 1, "two": 2}}'
    request = follower.serving.schema(NAME).request.model_validate_json(body)
    assert follower.serving.schema(NAME).subject(request).inputs == {"one": 1, "two": 2}
    promotion.promote(store, registry, NAME, ANN, three)
    for _ in range(2):
        follower.step()
    assert understood() == {"two", "three"}


def test_a_worker_that_is_busy_loading_is_heard_of(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower.step()
    store = follower.serving.database()
    workers.forget(store, follower.heartbeat.worker_id)
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.05)
    monkeypatch.setattr(following, "POLL_S", 0.01)
    monkeypatch.setattr(Follower, "step", lambda _: time.sleep(1))
    follower.heartbeat._sent_at = 0.0

    async def run() -> list[workers.WorkerHeartbeat]:
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(0.5)
        found = await asyncio.to_thread(workers.alive, store)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    assert follower.heartbeat.worker_id in {each.id for each in asyncio.run(run())}


def test_a_share_is_taken_away_while_a_look_takes_long(
    follower: Follower, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, registry = home
    for alias, seed in (("champion", 61), ("challenger", 62)):
        registry.set_alias(NAME, alias, version(registry, tmp_path, seed))
    follower.step()
    store = follower.serving.database()
    promotion.set_arms(store, registry, NAME, Arms(0.5), ANN)
    follower.step()
    looks, may_go = follower._look_at_specs, threading.Event()

    def share() -> float:
        return follower.serving.challenges[NAME].arms.share

    def look(*given: object) -> list[str]:
        found = looks(*given)
        may_go.wait(120)
        return found

    async def run() -> None:
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(0.7)
        await asyncio.to_thread(promotion.set_arms, store, registry, NAME, Arms(0.0), ANN)
        until = time.monotonic() + 60
        while share() and time.monotonic() < until:
            await asyncio.sleep(0.02)
        assert share() == 0.0
        may_go.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert share() == 0.5
    monkeypatch.setattr(follower, "_look_at_specs", look)
    asyncio.run(run())


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_a_change_waits_until_every_worker_that_is_alive_answers_with_it(
    follower: Follower, home: Home, tmp_path: Path, seconds: float
) -> None:
    follower.step()
    store = follower.serving.database()
    told = {NAME: {"champion": "77"}}
    workers.tell(store, follower.heartbeat.worker_id, "here", 1, {NAME: {"champion": "76"}})
    assert promotion.await_workers(store, NAME, "77", seconds) == (0, 1)
    workers.tell(store, follower.heartbeat.worker_id, "here", 1, told)
    assert promotion.await_workers(store, NAME, "77", seconds) == (1, 1)


def test_a_version_is_tried_out_while_others_may_change_what_serves(
    follower: Follower, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, registry = home
    registry.set_alias(NAME, "champion", version(registry, tmp_path, 39))
    registry.set_alias(NAME, "challenger", version(registry, tmp_path, 40))
    follower.step()
    store, tried = follower.serving.database(), promotion._try_out
    done: list[str] = []

    def try_out(*given: object) -> None:
        promotion.set_arms(store, registry, NAME, Arms(share=0.1), ANN)
        done.append("arms")
        tried(*given)

    monkeypatch.setattr(promotion, "_try_out", try_out)
    promotion.promote(store, registry, NAME, ANN, folder=settings.home / "serving")
    assert done == ["arms"]


def test_a_shadow_that_is_deaf_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    told = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    monkeypatch.setattr(shadow_process, "COMMAND", (sys.executable, "-c", told))
    monkeypatch.setattr(shadow_process, "SHADOW_GRACE_S", 0.2)
    starter = Starter()
    starter.keep(is_shadowing=True)
    process = starter._process
    assert process is not None
    wait_for(ready.exists)
    starter.keep(is_shadowing=False)
    assert process.returncode == -9


def test_a_shadow_whose_parent_is_gone_before_it_begins_ends(home: Home) -> None:
    gone = subprocess.Popen((sys.executable, "-c", ""))
    gone.wait()
    environment = {**os.environ, "RUNLORE_HOME": str(home[0].home)}
    ended = subprocess.run(
        (*shadow_process.COMMAND, str(gone.pid)), env=environment, timeout=60, check=False
    )
    assert ended.returncode == 0


def test_nothing_is_begun_by_a_look_that_was_under_way_at_the_end(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, goes_on, kept = threading.Event(), threading.Event(), []

    def look(*_: object) -> list[str]:
        looks.set()
        goes_on.wait(60)
        return []

    monkeypatch.setattr(Follower, "_look_at_specs", look)
    monkeypatch.setattr(Starter, "keep", lambda *_, is_shadowing: kept.append(is_shadowing))
    with ThreadPoolExecutor() as pool:
        stepping = pool.submit(follower.step)
        looks.wait(60)
        closing = pool.submit(follower.close)
        with pytest.raises(TimeoutError):
            closing.result(0.2)
        goes_on.set()
        stepping.result()
        closing.result()
    assert kept == [False]
    assert follower.serving.store is None
    follower.step()
    assert kept == [False]
    assert follower.serving.store is None


def wait_for(is_so: Callable[[], bool], patience_s: float = 10.0) -> None:
    until = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)
