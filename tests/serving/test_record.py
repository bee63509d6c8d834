"""What is recorded one by one gives the same states and features as a fold over the whole log."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from runlore.features import online
from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures
from runlore.features.keys import KeyParts
from runlore.features.matrix import RowReader, extract, prepare, resolve
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.instants import to_us
from runlore.log.executions import read_facts
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    read_execution,
    record_outcome,
    record_submission,
)
from runlore.serving.actions.states import activate, renew
from runlore.serving.queries import feature_states
from runlore.store.engine import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VALUES = ("failed", "log_duration", "duration_s", "wait_s", "outcome.cost")
HISTORIES = (
    HistoryFeatures(("actor",), VALUES, (60.0, 3600.0)),
    HistoryFeatures(("kind",), ("failed",), (600.0,)),
    HistoryFeatures(("actor", "inputs"), ("failed", "log_duration"), (60.0,)),
    HistoryFeatures(("scope", "inputs.size"), ("duration_s",), (60.0,)),
    HistoryFeatures((), ("failed",), (3600.0,)),
)
PLAN = FeaturePlan(inputs=("size",), categories=(), histories=HISTORIES)


def seconds(n: float) -> datetime:
    return NOON + timedelta(seconds=n)


def submission(n: int = 1, **changes: object) -> Submission:
    told = {"actor": "ann", "kind": "build", "scope": "web", "source_id": f"job-{n}"} | changes
    return Submission(**told)


def fact_count(store: Store) -> int:
    return len(read_facts(store))


def bits(values: np.ndarray) -> np.ndarray:
    """The bits of floats; there is one NaN."""
    plain = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return plain.view(np.uint32 if values.dtype == np.float32 else np.uint64)


def served_row(store: Store, reader: RowReader, subject: KeyParts, as_of_us: int) -> np.ndarray:
    with store.connect() as connection:
        states, _ = feature_states.read_states(connection, reader.keys(subject))
    known_us = max(as_of_us, online.seen(states.values()).last_us)
    return reader.row(subject, known_us, states)


def assert_states_equal_the_fold(store: Store, plan: FeaturePlan = PLAN) -> np.ndarray:
    """Returns the offline rows."""
    log = prepare(read_facts(store))
    rows, finals = extract(log, plan)
    for final in finals:
        names = [(final.history.digest, key) for key in final.keys(log)]
        with store.connect() as connection:
            stored, _ = feature_states.read_states(connection, names)
        assert len(stored) == len(set(names))
        for name, state in zip(names, final.states, strict=True):
            np.testing.assert_array_equal(bits(stored[name]), bits(state), err_msg=str(name))
    return rows


operations = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "end", "end", "correct"]),
        st.integers(-1, 3),  # seconds after the last operation: many ties, and some too late
        st.integers(0, 30),  # which execution, or how long it took
        st.sampled_from(["ann", "bob"]),
        st.sampled_from([None, 1, 2.5, True, "big", ""]),
        st.sampled_from([*ExecutionStatus]),
    ),
    max_size=25,
)


@pytest.mark.slow
@given(operations)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_events_gives_the_states_and_rows_of_the_offline_fold(
    store: Store, told: list[tuple]
) -> None:
    forget_everything(store)
    activate(store, PLAN)
    reader = RowReader(PLAN)
    served, ids, ended, clock = [], [], [], 0
    for what, step, n, actor, size, status in told:
        clock += step
        if what == "submit":
            inputs = {} if size is None else {"size": size}
            subject = KeyParts(actor, f"kind-{n % 2}", "web", inputs)
            served.append(served_row(store, reader, subject, to_us(seconds(clock))))
            work = Submission(actor, subject.kind, "web", inputs, source_id=f"job-{len(ids)}")
            recorded = record_submission(store, work, seconds(clock))
            assert recorded.is_new
            ids.append(recorded)
        elif ids and (what == "end" or ended):
            one = ended[n % len(ended)] if what == "correct" else ids[n % len(ids)]
            final = status if status.is_final else ExecutionStatus.SUCCEEDED
            outcome = None if size is None else {"cost": size}
            finished = one.submitted + timedelta(seconds=n)
            ending = OutcomeReport(final, one.submitted, finished, outcome)
            record_outcome(store, "api", one.source_id, ending, max(seconds(clock), one.submitted))
            ended.append(one)
    rows = assert_states_equal_the_fold(store)
    if served:
        np.testing.assert_array_equal(bits(np.stack(served)), bits(rows))
    spoil(store)
    assert renew(store)
    assert_states_equal_the_fold(store)


def test_live_events_get_ever_later_instants_and_agree_with_the_fold(store: Store) -> None:
    activate(store, PLAN)
    known = []
    for n in range(6):
        known.append(record_submission(store, submission(n)).known_at)
        ending = OutcomeReport(ExecutionStatus.FAILED if n % 2 else ExecutionStatus.SUCCEEDED)
        known.append(record_outcome(store, "api", f"job-{n}", ending).known_at)
    assert all(later > earlier for earlier, later in pairwise(known))
    assert_states_equal_the_fold(store)


def test_a_live_event_comes_after_what_the_keys_know_of_the_future(store: Store) -> None:
    activate(store, PLAN)
    ahead = datetime.now(UTC) + timedelta(days=1)  # noqa: TID251
    record_submission(store, submission(1, submitted=NOON), ahead)
    assert record_submission(store, submission(2)).known_at == ahead + timedelta(microseconds=1)
    assert_states_equal_the_fold(store)


def test_the_same_submission_again_changes_nothing(store: Store) -> None:
    activate(store, PLAN)
    first = record_submission(store, submission(inputs={"size": 4, "note": None}))
    again = record_submission(store, submission(inputs={"size": 4.0}))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.known_at == first.known_at
    assert fact_count(store) == 1
    assert_states_equal_the_fold(store)


@pytest.mark.parametrize("number", [2.0**53, 1763861633018056192.0, 1e23, -1e30, 5e-324, 0.1])
def test_a_number_of_any_size_is_the_same_again(store: Store, number: float) -> None:
    activate(store, PLAN)
    told = submission(inputs={"size": number})
    assert [record_submission(store, told).is_new for _ in range(2)] == [True, False]
    ending = OutcomeReport(ExecutionStatus.SUCCEEDED, outcome={"cost": number})
    done = [record_outcome(store, "api", "job-1", ending).is_new for _ in range(2)]
    assert done == [True, False]
    assert [float(fact.inputs["size"]) for fact in read_execution(store, "api", "job-1")] == [
        number,
        number,
    ]
    assert_states_equal_the_fold(store)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"actor": "bob"}, "actor"),
        ({"kind": "test"}, "kind"),
        ({"scope": "db"}, "scope"),
        ({"inputs": {"size": 5}}, "inputs"),
    ],
)
def test_a_name_that_other_work_has_is_refused_with_the_field(
    store: Store, changes: dict, field: str
) -> None:
    record_submission(store, submission())
    with pytest.raises(BadInput, match=rf"^{field}: execution 'job-1' is recorded") as caught:
        record_submission(store, submission(**changes))
    assert caught.value.field == field
    assert fact_count(store) == 1


def test_a_start_reported_later_is_a_further_fact_that_changes_no_state(store: Store) -> None:
    activate(store, PLAN)
    record_submission(store, submission(submitted=seconds(0)), seconds(0))
    running = submission(status=ExecutionStatus.RUNNING, started=seconds(5))
    news = record_submission(store, running, seconds(6))
    assert (news.revision, news.is_new) == (1, True)
    assert not record_submission(store, running, seconds(7)).is_new
    assert not record_submission(store, submission(), seconds(8)).is_new
    ended = record_outcome(
        store, "api", "job-1", OutcomeReport(ExecutionStatus.SUCCEEDED, None, seconds(9))
    )
    facts = read_execution(store, "api", "job-1")
    assert [fact.status for fact in facts] == ["submitted", "running", "succeeded"]
    assert facts[-1].started == seconds(5)
    assert ended.revision == 2
    assert_states_equal_the_fold(store)


def test_the_same_outcome_again_changes_nothing(store: Store) -> None:
    activate(store, PLAN)
    record_submission(store, submission())
    ending = OutcomeReport(ExecutionStatus.SUCCEEDED, outcome={"cost": 1.5, "note": None})
    first = record_outcome(store, "api", "job-1", ending)
    again = record_outcome(store, "api", "job-1", ending)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.known_at == first.known_at
    assert fact_count(store) == 2
    assert_states_equal_the_fold(store)


def test_another_outcome_is_a_correction_that_can_be_taken_back(store: Store) -> None:
    activate(store, PLAN)
    record_submission(store, submission())
    for status in (ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED):
        assert record_outcome(store, "api", "job-1", OutcomeReport(status)).is_new
    assert [fact.revision for fact in read_execution(store, "api", "job-1")] == [0, 1, 2, 3]
    assert_states_equal_the_fold(store)


def test_what_a_correction_does_not_say_stays_as_it_was(store: Store) -> None:
    record_submission(store, submission(submitted=seconds(0)), seconds(0))
    told = OutcomeReport(ExecutionStatus.FAILED, seconds(1), seconds(2), {"cost": 3})
    record_outcome(store, "api", "job-1", told, seconds(3))
    record_outcome(store, "api", "job-1", OutcomeReport(ExecutionStatus.SUCCEEDED), seconds(4))
    last = read_execution(store, "api", "job-1")[-1]
    assert (last.started, last.finished, last.outcome) == (seconds(1), seconds(2), {"cost": 3})


def test_an_outcome_known_at_its_own_submission_keeps_that_instant(store: Store) -> None:
    activate(store, PLAN)
    record_submission(store, submission(1, submitted=NOON), NOON)
    kept = record_outcome(store, "api", "job-1", OutcomeReport(ExecutionStatus.SUCCEEDED), NOON)
    assert kept.known_at == NOON
    record_submission(store, submission(2, submitted=NOON), NOON)
    record_submission(store, submission(3, submitted=NOON), NOON)
    late = record_outcome(store, "api", "job-2", OutcomeReport(ExecutionStatus.FAILED), NOON)
    assert late.known_at == NOON + timedelta(microseconds=1)
    assert_states_equal_the_fold(store)


def test_an_outcome_at_its_own_submission_comes_after_later_submissions(store: Store) -> None:
    activate(store, PLAN)
    record_submission(store, submission(1, submitted=NOON), NOON)
    record_submission(store, submission(2, submitted=seconds(5)), seconds(5))
    late = record_outcome(store, "api", "job-1", OutcomeReport(ExecutionStatus.FAILED), NOON)
    assert late.known_at == seconds(5) + timedelta(microseconds=1)
    assert_states_equal_the_fold(store)


@pytest.mark.parametrize(
    ("ending", "field"),
    [
        (OutcomeReport(ExecutionStatus.SUCCEEDED, started=seconds(-1)), "started"),
        (OutcomeReport(ExecutionStatus.SUCCEEDED, finished=seconds(-1)), "finished"),
        (
            OutcomeReport(ExecutionStatus.SUCCEEDED, started=seconds(9), finished=seconds(8)),
            "finished",
        ),
        (OutcomeReport(ExecutionStatus.RUNNING), "status"),
    ],
)
def test_an_impossible_outcome_is_refused_with_the_field(
    store: Store, ending: OutcomeReport, field: str
) -> None:
    record_submission(store, submission(submitted=NOON), NOON)
    with pytest.raises(BadInput, match=f"^{field}: ") as caught:
        record_outcome(store, "api", "job-1", ending, seconds(20))
    assert caught.value.field == field
    assert fact_count(store) == 1


def test_the_instant_that_came_last_is_the_one_that_is_wrong(store: Store) -> None:
    record_submission(store, submission(submitted=NOON), NOON)
    record_outcome(
        store, "api", "job-1", OutcomeReport(ExecutionStatus.FAILED, None, seconds(5)), seconds(9)
    )
    with pytest.raises(BadInput, match=r"^started: .* is after finished, ") as caught:
        record_outcome(
            store, "api", "job-1", OutcomeReport(ExecutionStatus.FAILED, seconds(6)), seconds(9)
        )
    assert caught.value.field == "started"


def test_what_is_in_the_future_is_refused(store: Store) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251
    with pytest.raises(BadInput, match=r"^submitted: .* is in the future"):
        record_submission(store, submission(submitted=ahead))
    record_submission(store, submission())
    with pytest.raises(BadInput, match=r"^finished: .* is in the future"):
        record_outcome(
            store, "api", "job-1", OutcomeReport(ExecutionStatus.SUCCEEDED, finished=ahead)
        )


def test_work_cannot_be_known_before_it_was_submitted(store: Store) -> None:
    with pytest.raises(BadInput, match=r"^known_at: .* is before submitted"):
        record_submission(store, submission(submitted=seconds(1)), NOON)


def test_a_submission_that_has_ended_already_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="status: failed is how work ends"):
        record_submission(store, submission(status=ExecutionStatus.FAILED))


def test_the_outcome_of_unknown_work_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="execution 'job-9' of source 'api' is not recorded"):
        record_outcome(store, "api", "job-9", OutcomeReport(ExecutionStatus.SUCCEEDED))


def test_a_month_that_nothing_was_recorded_in_is_made(store: Store) -> None:
    old = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)
    with store.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS runlore.executions_1999_12"))
    assert record_submission(store, submission(submitted=old), old).is_new
    assert read_facts(store)["submitted"].tolist() == [to_us(old)]


def test_two_at_once_telling_the_same_make_one_fact(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    activate(store, PLAN)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: record_submission(store, submission()), range(8)))
    assert sum(each.is_new for each in told) == 1
    assert fact_count(store) == 1
    assert_states_equal_the_fold(store)


def test_many_at_once_leave_the_states_equal_to_the_fold(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    activate(store, PLAN)

    def one(n: int) -> None:
        inputs = {"size": n % 3}
        record_submission(store, submission(n, actor=f"actor-{n % 3}", inputs=inputs))
        for status in (ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED)[: 1 + n % 2]:
            record_outcome(store, "api", f"job-{n}", OutcomeReport(status))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(60)))
    assert_states_equal_the_fold(store)


def test_recording_goes_on_while_states_are_rebuilt(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    activate(store, PLAN)

    def one(n: int) -> None:
        record_submission(store, submission(n))
        record_outcome(store, "api", f"job-{n}", OutcomeReport(ExecutionStatus.SUCCEEDED))

    with ThreadPoolExecutor(4) as pool:
        recording = [pool.submit(one, n) for n in range(60)]
        for _ in range(5):
            spoil(store)
            assert renew(store)
        for each in recording:
            each.result()
    assert_states_equal_the_fold(store)


def test_a_plan_resolved_from_recorded_facts_reads_the_same_online(store: Store) -> None:
    wanted = FeatureSet(histories=HISTORIES)
    for n, inputs in enumerate(
        [{"size": 1, "queue": "a", "flag": True}, {"size": 2.5, "queue": "b"}, {}]
    ):
        inputs["site"] = "x"
        record_submission(store, submission(n, inputs=inputs, submitted=seconds(n)), seconds(n))
    log = prepare(read_facts(store))
    plan = resolve(wanted, log, np.ones(len(log.executions), dtype=bool))
    activate(store, plan)
    subject = KeyParts("ann", "build", "web", {"size": 2, "queue": "b", "flag": False, "site": "x"})
    row = served_row(store, RowReader(plan), subject, to_us(seconds(9)))
    inputs = dict(subject.inputs)
    record_submission(store, submission(9, inputs=inputs, submitted=seconds(9)), seconds(9))
    rows, _ = extract(prepare(read_facts(store)), plan)
    np.testing.assert_array_equal(bits(row), bits(rows[-1]))
    assert plan.others == ("site",)


def spoil(store: Store) -> None:
    with store.connect() as connection:
        feature_states.spoil(connection)


def forget_everything(store: Store) -> None:
    tables = "executions, feature_states, feature_histories"
    with store.begin() as connection:
        for name in tables.split(", "):
            connection.execute(text(f"TRUNCATE runlore.{name}"))
