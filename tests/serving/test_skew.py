"""Served features are those of the log, bit for bit; what is not is found."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from handmade import write_bundle
from sqlalchemy import text

from runlore.alerts.queries import anomalies
from runlore.features.keys import KeyParts
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import skew, states
from runlore.serving.actions.prediction import Predictor, Request
from runlore.serving.actions.prediction_commit import predict
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    record_outcome,
    record_submission,
)
from runlore.serving.queries import feature_states, ledger_vectors
from runlore.store.engine import Store

NAME = "failure-risk"
LONG_AGO = instants.parse("2020-01-01T00:00:00Z", "since")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor(Bundle.load(write_bundle(tmp_path_factory.mktemp("b")), "7"))


def subject(n: int) -> KeyParts:
    return KeyParts(f"actor-{n % 5}", f"kind-{n % 3}", f"scope-{n % 2}", {"nodes": n % 4})


def live_through(store: Store, predictor: Predictor, n: int) -> None:
    """One piece of work: asked about, submitted, ended, now and then corrected."""
    who = subject(n)
    predict(store, predictor, [Request(who)], instants.now())
    work = Submission(who.actor, who.kind, who.scope, dict(who.inputs), source_id=f"job-{n}")
    record_submission(store, work)
    for status in (ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED)[: 1 + (n % 7 == 0)]:
        record_outcome(store, "api", f"job-{n}", OutcomeReport(status, outcome={"cost": n}))
    predict(store, predictor, [Request(who), Request(subject(n + 1))], instants.now())


def compared(store: Store, predictor: Predictor) -> skew.Skew:
    vectors = ledger_vectors.read(store, NAME, "7", LONG_AGO, None)
    return skew.compare(read_facts(store), predictor.bundle.plan, vectors, NAME, "7", LONG_AGO)


def test_what_many_recorders_and_readers_served_at_once_is_what_the_log_gives(
    store: Store, predictor: Predictor
) -> None:
    states.activate(store, predictor.bundle.plan)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: live_through(store, predictor, n), range(120)))
    found = compared(store, predictor)
    assert (found.compared, found.different, found.without) == (360, 0, 0)
    assert found.is_clean
    assert not any(each.total for each in found.features)
    assert {each.changed for each in states.rebuild(store)} == {0}


@pytest.mark.parametrize("planted", ["number", "missing", "extra"])
def test_a_vector_that_is_not_what_the_log_gives_is_found_by_feature_and_hour(
    store: Store, predictor: Predictor, planted: str
) -> None:
    states.activate(store, predictor.bundle.plan)
    for n in range(8):
        live_through(store, predictor, n)
    names = predictor.bundle.plan.names
    name = "actor.submissions_10d" if planted != "extra" else "inputs.size"
    value = {"number": "0.125", "missing": "'NaN'", "extra": "3"}[planted]
    change = f"UPDATE runlore.ledger SET features[{names.index(name) + 1}] = {value}"
    with store.begin() as connection:
        connection.execute(
            text(f"{change} WHERE id = (SELECT max(id::text)::uuid FROM runlore.ledger)")
        )
    found = compared(store, predictor)
    [wrong] = [each for each in found.features if each.total]
    assert wrong.feature == name
    assert (wrong.mismatches, wrong.missing, wrong.extra) == {
        "number": (1, 0, 0),
        "missing": (0, 1, 0),
        "extra": (0, 0, 1),
    }[planted]
    assert sum(each.different for each in found.windows) == found.different == 1
    assert len(found.examples) == 1


def test_a_change_planted_in_the_online_path_is_found_and_is_an_anomaly_until_it_is_over(
    store: Store, predictor: Predictor
) -> None:
    states.activate(store, predictor.bundle.plan)
    live_through(store, predictor, 1)
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.feature_states SET state[2] = state[2] + 1"))
    predict(store, predictor, [Request(subject(1))], instants.now())
    found = compared(store, predictor)
    assert not found.is_clean
    assert all(each.feature.endswith("in_flight") for each in found.features if each.total)
    at = instants.now()
    skew.note(store, [found], at)
    with store.begin() as connection:
        [opened] = anomalies.read_open(connection, skew.KIND)
    assert opened.subject == "failure-risk version 7"
    assert sum(each.changed for each in states.rebuild(store)) == len(
        predictor.bundle.plan.histories
    )
    clean = skew.Skew(NAME, "7", 1)
    skew.note(store, [clean], at + timedelta(seconds=1))
    with store.begin() as connection:
        assert anomalies.read_open(connection, skew.KIND) == []


def test_a_version_that_answers_no_more_has_no_open_anomaly(store: Store) -> None:
    at = instants.now()
    wrong = [
        skew.Skew(spec, version, 1, windows=(skew.WindowSkew(at, 1, 1),))
        for spec, version in ((NAME, "7"), (NAME, "8"), (f"{NAME}-of-others", "7"))
    ]
    skew.note(store, wrong, at)
    skew.let_rest(store, NAME, wrong[1:2], at + timedelta(days=8))
    with store.begin() as connection:
        left = {each.subject for each in anomalies.read_open(connection, skew.KIND)}
    assert left == {f"{NAME} version 8", f"{NAME}-of-others version 7"}


def test_answers_without_a_vector_count_as_missing_and_older_ones_are_not_compared(
    store: Store, predictor: Predictor
) -> None:
    states.activate(store, predictor.bundle.plan)
    live_through(store, predictor, 1)
    vectors = ledger_vectors.read(store, NAME, "7", LONG_AGO, None)
    facts, plan = read_facts(store), predictor.bundle.plan
    later = instants.now() + timedelta(minutes=1)
    assert skew.compare(facts, plan, vectors, NAME, "7", later).older == 3
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.ledger SET features = NULL"))
    found = compared(store, predictor)
    assert (found.compared, found.without, found.is_clean) == (0, 3, False)


def test_bits_are_compared_not_numbers() -> None:
    one = np.array([[0.0, np.nan, 1.0]], dtype=np.float32)
    other = np.array([[-0.0, -np.nan, 1.0]], dtype=np.float32)
    assert skew._differs(one, other).tolist() == [[True, False, False]]


def test_the_ledger_can_be_counted_exported_and_pruned(
    store: Store, predictor: Predictor, tmp_path: Path
) -> None:
    from runlore.cli.serving import ledger as command
    from runlore.serving.queries import ledger_query
    from runlore.serving.queries.ledger_query import LedgerQuery

    live_through(store, predictor, 7)
    about = Request(subject(7), "api", "job-8")
    old = instants.parse("2021-03-05T00:00:00Z", "at")
    predict(store, predictor, [about], old)
    record_submission(store, Submission("actor-2", "kind-1", "scope-1", {}, source_id="job-8"))
    record_outcome(store, "api", "job-8", OutcomeReport(ExecutionStatus.SUCCEEDED))
    counted = ledger_query.count(store, LedgerQuery(spec=NAME))
    assert counted == {(NAME, "7", "champion", 200): 4}
    [row] = ledger_query.rows(store, LedgerQuery(source_id="job-8"))
    assert (row["outcome"], row["source"]) == ("succeeded", "api")
    assert command._to_csv(tmp_path / "l.csv", ledger_query.rows(store, LedgerQuery())) == 4
    assert (tmp_path / "l.csv").read_text().startswith("at,id,spec,version,arm,status,as_of,")
    assert command._to_parquet(tmp_path / "l.parquet", ledger_query.rows(store, LedgerQuery())) == 4
    assert ledger_query.prune(store, old + timedelta(days=40)) == ["ledger_2021_03"]
    assert ledger_query.count(store, LedgerQuery()) == {(NAME, "7", "champion", 200): 3}


@pytest.mark.parametrize("arm", ["champion", "champion-batch", "challenger", "shadow"])
def test_answers_of_every_arm_are_compared(store: Store, predictor: Predictor, arm: str) -> None:
    states.activate(store, predictor.bundle.plan)
    predict(store, predictor, [Request(subject(1))], instants.now(), arm=arm)
    assert ledger_vectors.versions(store, NAME, LONG_AGO, None) == ["7"]
    assert compared(store, predictor).compared == 1


def test_states_that_are_behind_the_log_cannot_be_compared_yet(
    store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.activate(store, predictor.bundle.plan)
    live_through(store, predictor, 1)
    monkeypatch.setattr(skew, "_plan", lambda *_: predictor.bundle.plan)

    def found() -> skew.Skew:
        [one] = skew.skew(store, None, NAME, LONG_AGO)
        return one

    assert not found().is_behind
    with store.connect() as connection:
        feature_states.spoil(connection)
    assert (found().is_behind, found().compared) == (True, 0)
    monkeypatch.setattr(skew, "_plan", lambda *_: replace(predictor.bundle.plan, histories=()))
    assert not found().is_behind, "a version without histories needs no states"
