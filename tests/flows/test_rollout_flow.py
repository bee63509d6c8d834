"""A rollout as Prefect runs it: by itself from the first unit to the champion's place."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from handmade import register, write_bundle
from prefect.client.orchestration import get_client

from flows.rollout import rollout
from runlore import registry, settings
from runlore.kernel.instants import parse
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.store.engine import Store, open_store
from tests.rollout.traffic import HOUR, SPEC, Traffic, Version

pytestmark = pytest.mark.slow
NAME = SPEC.name
BY_ITSELF = replace(SPEC, rollout=replace(SPEC.rollout, starts="by itself"))
BEGAN = parse("2026-03-02T08:00:00Z")


@pytest.fixture(autouse=True)
def specs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_SPECS", json.dumps(["tests.flows.test_rollout_flow:BY_ITSELF"]))


def announce(store: Store, folder: Path, seed: int) -> tuple[str, str]:
    known = registry.connect(settings.read(), store)
    ref = register(known, write_bundle(folder / f"bundle-{seed}", NAME, seed))
    promotion.announce(store, known, ref, ChangeReason("ann", "passed its gates"))
    return ref.version, ref.digest


def run_hours(traffic: Traffic, first: int) -> list[str]:
    told = [rollout(NAME, (BEGAN + first * HOUR).isoformat())]
    for hour in range(first, first + 8):
        traffic.run(BEGAN + hour * HOUR + timedelta(minutes=2), 4_000, timedelta(minutes=50))
        told.append(rollout(NAME, (BEGAN + (hour + 1) * HOUR).isoformat()))
        if told[-1] in ("promote", "roll back"):
            break
    return told


def test_a_good_challenger_takes_over_and_the_next_bad_one_falls(home: Path) -> None:
    with open_store(settings.read()) as store:
        first, _ = announce(store, home, 1)
        assert rollout(NAME, BEGAN.isoformat()) == "nothing"
        second, digest = announce(store, home, 2)
        answers = {"champion": Version(), "challenger": Version()}
        good = Traffic(store, {"champion": first, "challenger": second}, digest, answers)
        told = run_hours(good, 0)
        assert (told[0], told[-1]) == ("start", "promote")
        third, digest = announce(store, home, 3)
        answers = {"champion": Version(), "challenger": Version(noise=0.45)}
        versions = {"champion": second, "challenger": third}
        bad = Traffic(store, versions, digest, answers, seed=1)
        told = run_hours(bad, 20)
        assert (told[0], told[-1]) == ("start", "roll back")
        known = registry.connect(settings.read(), store)
        champion = known.champion(NAME)
        assert champion is not None
        assert champion.version == second
    with get_client(sync_client=True) as client:
        keys = {found.key for found in client.read_artifacts()}
    assert {f"rollout-{NAME}", f"rollout-share-{NAME}"} <= keys
