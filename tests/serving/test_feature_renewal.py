"""Features are renewed after an ingest, also after one that never came to it."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.features.matrix import extract, prepare
from runlore.serving.actions import states
from runlore.serving.queries import feature_states
from runlore.store.engine import Store
from tests.ingest.csv_log import HEADER, MAPPING, Log, counts, row

BY_ACTOR = HistoryFeatures(("actor",), ("failed",), (3600.0,))
PLAN = FeaturePlan(inputs=(), categories=(), histories=(BY_ACTOR,), has_calendar=False)


def stored_states(store: Store, keys: list[str]) -> list[list[float]]:
    names = [(BY_ACTOR.digest, key) for key in keys]
    with store.connect() as connection:
        found, _ = feature_states.read_states(connection, names)
    return [found[name].tolist() if name in found else [] for name in names]


def folded_states(store: Store) -> tuple[list[str], list[list[float]]]:
    log = prepare(Log(store, Path(), []).facts())
    final = extract(log, PLAN)[1][0]
    return final.keys(log), np.asarray(final.states).tolist()


def test_an_ingest_renews_the_states_that_its_rows_left_behind(
    store: Store, tmp_path: Path
) -> None:
    states.activate(store, PLAN)
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(50))])
    assert counts(log.ingest()) == (50, 0, 0)
    keys, folded = folded_states(store)
    assert stored_states(store, keys) == folded
    assert states.renew(store) == ()


def test_what_a_killed_ingest_left_behind_is_renewed_by_the_next_which_adds_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.activate(store, PLAN)
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(50))])
    with monkeypatch.context() as killed:
        killed.setattr(states, "renew", lambda _store: ())
        assert counts(log.ingest()) == (50, 0, 0)
    keys, folded = folded_states(store)
    assert stored_states(store, keys) != folded
    assert counts(log.ingest()) == (0, 50, 0)
    assert stored_states(store, keys) == folded


def test_metrics_and_known_rows_leave_states_as_they_are(store: Store, tmp_path: Path) -> None:
    states.activate(store, PLAN)
    lines = [HEADER, *map(row, range(20))]
    Log(store, tmp_path / "log.csv", lines).ingest()
    told_again = Log(store, tmp_path / "again.csv", lines)
    assert counts(told_again.ingest(mapping=MAPPING)) == (0, 20, 0)
    points = Log(store, tmp_path / "points.csv", ["name,at,value\n", "cpu,2024-01-01T00:00Z,1\n"])
    assert counts(points.ingest(mapping={"records": "metrics"})) == (1, 0, 0)
    assert states.renew(store) == ()


def test_an_ingest_waits_for_a_rebuild_so_that_none_of_its_facts_is_missed(
    store: Store, tmp_path: Path
) -> None:
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(20))])
    points = Log(store, tmp_path / "points.csv", ["name,at,value\n", "cpu,2024-01-01T00:00Z,1\n"])
    with ThreadPoolExecutor(1) as pool:
        with store.connect() as rebuilding:
            feature_states.lock_out_recorders(rebuilding)
            assert counts(points.ingest(mapping={"records": "metrics"})) == (1, 0, 0)
            ingest = pool.submit(log.ingest)
            with pytest.raises(TimeoutError):
                ingest.result(timeout=1)
        assert counts(ingest.result()) == (20, 0, 0)


@pytest.mark.parametrize("way", ["activate", "renew", "rebuild"])
def test_states_are_known_to_be_whole_from_when_the_last_is_built(
    store: Store, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """What is read until then is read of the states before: no skew may be seen in it."""
    by_kind = HistoryFeatures(("kind",), ("failed",), (3600.0,))
    plan = replace(PLAN, histories=(BY_ACTOR, by_kind))
    if way != "activate":
        states.activate(store, plan)
        with store.connect() as connection:
            feature_states.spoil(connection)
    put = feature_states.replace_history

    def put_slowly(*given: Any) -> None:
        put(*given)
        time.sleep(0.2)

    monkeypatch.setattr(feature_states, "replace_history", put_slowly)
    if way == "activate":
        states.activate(store, plan)
    else:
        getattr(states, way)(store)
    with store.connect() as connection:
        both = [feature_states.built_at(connection, [each]) for each in plan.histories]
    assert None not in both
    assert abs(both[0] - both[1]) < timedelta(seconds=0.1)
