"""The challenger answers its share; a shadow answers nobody."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import RFC_4122

import httpx
import psycopg
import pytest
from handmade import write_bundle
from sqlalchemy import text

from bentos.http.prometheus_metrics import metrics
from bentos.predict import shadow, shadow_process
from bentos.predict.follower import Follower
from bentos.predict.live_versions import Challenge, Live, Serving, load
from bentos.predict.shadow import Patience, Shadow
from bentos.predict.shadow_process import Starter
from runlore import settings as environment
from runlore.app import App
from runlore.kernel import instants
from runlore.serving.actions import states
from runlore.serving.actions.promotion import Arms
from runlore.store.engine import Store, dedicated

NAME = "failure-risk"
ANN = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4}}


@pytest.fixture
def challenger(tmp_path: Path, store: Store) -> Live:
    live = load(write_bundle(tmp_path / "8", NAME, 8), "8", NAME, "wall")
    states.activate(store, live.bundle.plan)
    return live


def challenge(serving: Serving, live: Live, arms: Arms) -> None:
    serving.put(NAME, serving.live[NAME], Challenge(live, arms))


def on_ledger(store: Store) -> list[tuple[str, str, int]]:
    query = text("SELECT arm, version, status FROM runlore.ledger ORDER BY at, id")
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_unit_stays_with_its_arm_and_a_larger_share_keeps_those_of_a_smaller(
    client: httpx.Client, serving: Serving, challenger: Live, store: Store
) -> None:
    actors = [f"actor-{n}" for n in range(60)]

    def answered_by() -> dict[str, str]:
        told = {a: client.post(f"/predict/{NAME}", json=ANN | {"actor": a}).json() for a in actors}
        return {actor: each["version"] for actor, each in told.items()}

    challenge(serving, challenger, Arms(0.3))
    few = answered_by()
    assert few == answered_by()
    challenge(serving, challenger, Arms(0.7))
    many = answered_by()
    assert {a for a in actors if few[a] == "8"} < {a for a in actors if many[a] == "8"}
    arms = Counter((arm, version) for arm, version, _ in on_ledger(store))
    assert set(arms) == {("champion", "7"), ("challenger", "8")}


def test_units_without_a_name_and_batches_are_the_champions(
    client: httpx.Client, serving: Serving, challenger: Live
) -> None:
    challenge(serving, challenger, Arms(1.0))
    assert client.post(f"/predict/{NAME}", json=ANN).json()["version"] == "8"
    assert client.post(f"/predict/{NAME}", json=ANN | {"actor": ""}).json()["version"] == "7"
    batch = client.post(f"/predict/{NAME}/batch", json=[ANN, ANN]).json()
    assert {each["version"] for each in batch} == {"7"}


def test_a_refusal_of_the_challenger_is_on_the_ledger_as_the_challenger_s(
    client: httpx.Client, serving: Serving, challenger: Live, store: Store
) -> None:
    """Else a version that answers with errors would look as good as one that answers."""
    object.__setattr__(challenger.bundle, "calibration", None)
    challenge(serving, challenger, Arms(1.0))
    refused = client.post(f"/predict/{NAME}", json=ANN | {"execution": "e1"})
    assert refused.status_code == 500
    client.post(f"/predict/{NAME}", json={"actor": 7})
    columns = "arm, version, source_id, request->>'actor'"
    with store.begin() as connection:
        found = connection.execute(text(f"SELECT {columns} FROM runlore.ledger ORDER BY at"))
        rows = [tuple(row) for row in found]
    assert rows == [("challenger", "8", "e1", "ann"), ("champion", "7", None, None)]


def test_a_batch_during_a_rollout_is_in_no_arm_and_is_shadowed_all_the_same(
    client: httpx.Client, serving: Serving, challenger: Live, store: Store
) -> None:
    challenge(serving, challenger, Arms(0.5, shadow=True))
    client.post(f"/predict/{NAME}/batch", json=[ANN, ANN])
    of_it = Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since"))
    with dedicated(store) as line:
        assert of_it.step(line) == 2
    arms = Counter(arm for arm, _, _ in on_ledger(store))
    assert arms == {"champion-batch": 2, "shadow": 2}


def test_the_shadow_answers_once_what_the_champion_answered(
    client: httpx.Client, serving: Serving, challenger: Live, store: Store
) -> None:
    challenge(serving, challenger, Arms(shadow=True))
    for n in range(5):
        client.post(f"/predict/{NAME}", json=ANN | {"actor": f"a{n}"})
    client.post(f"/predict/{NAME}", json={})
    of_it = Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since"))
    with dedicated(store) as line:
        assert of_it.step(line) == 5
        assert of_it.step(line) == 0
        again = Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since"))
        again.step(line)
    found = Counter(on_ledger(store))
    assert found["shadow", "8", 200] == 5
    assert found["champion", "7", 200] == 5
    with store.begin() as connection:
        ids = connection.scalars(text("SELECT id FROM runlore.ledger WHERE arm = 'shadow'")).all()
    for each in ids:
        assert (each.version, each.variant) == (8, RFC_4122)
        assert client.get(f"/predictions/{each}").json()["version"] == "8"


def test_a_shadow_that_fails_says_so_on_the_ledger_alone(
    client: httpx.Client, serving: Serving, challenger: Live, store: Store
) -> None:
    object.__setattr__(challenger.bundle, "reference", None)
    challenge(serving, challenger, Arms(shadow=True))
    assert client.post(f"/predict/{NAME}", json=ANN).status_code == 200
    with dedicated(store) as line:
        Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since")).step(line)
    assert Counter(on_ledger(store))["shadow", "8", 500] == 1


def test_a_shadow_that_dies_young_is_started_less_and_less_often_and_with_little_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "starts"
    told = f"""if True:
        import os, time
        time.sleep(.2)
        open({str(notes)!r}, 'a').write(f'{{os.nice(0)}}:{{os.sched_getscheduler(0)}} ')
    """
    monkeypatch.setattr(shadow_process, "COMMAND", (sys.executable, "-c", told))
    now = 1_000
    starter = Starter(clock=lambda: now)
    started = []
    for now in range(1_000, 1_730):
        starter.keep(is_shadowing=True)
        if starter._process is not None and starter._process.returncode is None:
            started.append(now)
            starter._process.wait()
    assert started == [1_000, 1_061, 1_182, 1_423, 1_724]
    assert notes.read_text().split() == [f"{shadow_process.NICENESS}:{os.SCHED_IDLE}"] * 5
    starter.stop()
    now += 5
    starter.keep(is_shadowing=True)
    assert starter._process is not None, "asked for anew it starts as at first"
    starter.stop()


def dropped() -> float:
    return metrics().shadow_dropped.labels(NAME)._value.get()


@pytest.fixture
def shadowed(client: httpx.Client, serving: Serving, challenger: Live) -> Callable[[int], None]:
    """Asks so many times a champion whose challenger shadows."""
    challenge(serving, challenger, Arms(shadow=True))

    def ask(times: int) -> None:
        for n in range(times):
            client.post(f"/predict/{NAME}", json=ANN | {"actor": f"a{n}"})

    return ask


def test_what_the_shadow_cannot_keep_up_with_is_dropped(
    shadowed: Callable[[int], None],
    client: httpx.Client,
    serving: Serving,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "MOST_TOGETHER", 3)
    before = dropped()
    shadowed(5)
    of_it = Shadow(serving, since=instants.parse("2020-01-01T00:00:00Z", "since"))
    with dedicated(store) as line:
        assert of_it.step(line) == 3
        assert of_it.step(line) == 0
    told = f'runlore_shadow_dropped_total{{spec="failure-risk"}} {before + 2}'
    assert told in client.get("/metrics").text


def test_a_shadow_that_fails_rests_longer_each_time_and_then_goes_on(
    shadowed: Callable[[int], None],
    serving: Serving,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, looks = 1_000.0, []
    monkeypatch.setattr(Follower, "step", lambda _: looks.append(now))
    follower = Follower(App(environment.read()), serving, is_shadow=True)
    of_it, patience = Shadow(serving), Patience(clock=lambda: now)
    line, tries, is_cut = None, [], True
    for now in range(1_000, 1_400):
        before = line
        line = shadow._look(follower, of_it, line, patience)
        if line is not before:
            tries.append(now)
        if line is not None and is_cut:
            terminate(store, line)
        is_cut = now < 1_130
    assert tries == [1_000, 1_001, 1_006, 1_007, 1_017, 1_018, 1_038, 1_039, 1_079, 1_080, 1_140]
    assert len(looks) == 1_400 - 1_000 - (4 + 9 + 19 + 39 + 59), (
        "it looks at nothing while it rests"
    )
    shadowed(2)
    assert line is not None
    assert of_it.step(line) == 2
    terminate(store, line)
    assert shadow._look(follower, of_it, line, patience) is None
    now += shadow.RETRY_S
    line = shadow._look(follower, of_it, None, patience)
    assert line is not None, "after a long time without a failure it rests as at first"
    line.close()


def terminate(store: Store, line: psycopg.Connection[Any]) -> None:
    with store.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": line.info.backend_pid}
        )


def test_what_came_while_the_shadow_slept_is_counted_as_dropped(
    shadowed: Callable[[int], None],
    serving: Serving,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_it = Shadow(serving)
    before = dropped()
    with dedicated(store) as line:
        shadowed(1)
        assert of_it.step(line) == 1
        shadowed(2)
        time.sleep(0.2)
        monkeypatch.setattr(shadow, "LAG", timedelta(seconds=0.1))
        assert of_it.step(line) == 0
    assert dropped() - before == 2
