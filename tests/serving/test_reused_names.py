"""Names that are used again, late outcomes, and clocks that differ a little, one at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from runlore.kernel import instants
from runlore.kernel.errors import BadInput, CorrectionNeeded, NotFound
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    read_execution,
    record_outcome,
    record_submission,
)
from runlore.serving.actions.recording_bounds import RecordingBounds
from runlore.store.engine import Store

BOUNDS = RecordingBounds(correction=timedelta(days=7), clock_tolerance=timedelta(seconds=10))
NOW = instants.now().replace(microsecond=0)
OLD = NOW - timedelta(days=300)


def submit(store: Store, submitted: datetime | None, **changes: object):
    parts = {"actor": "ann", "kind": "job", "scope": "", "source_id": "12728"} | changes
    return record_submission(store, Submission(submitted=submitted, **parts), bounds=BOUNDS)


def end(store: Store, status: str = "failed", **parts: object):
    ending = OutcomeReport(ExecutionStatus(status), **parts)
    return record_outcome(store, "api", "12728", ending, bounds=BOUNDS)


@pytest.fixture
def ended(store: Store) -> Store:
    """A run of long ago."""
    submit(store, OLD)
    end(store, "succeeded", started=OLD, finished=OLD + timedelta(hours=1))
    return store


AGO = {
    "job numbers that start anew": timedelta(days=300),
    "a counter that was reset a minute later": timedelta(days=299, hours=23, minutes=59),
    "a second submission of the same second": timedelta(days=300) - timedelta(microseconds=1),
    "an older run that is reported late": timedelta(days=310),
}


@pytest.mark.parametrize("ago", AGO.values(), ids=AGO)
def test_another_submission_is_another_execution(store: Store, ago: timedelta) -> None:
    submit(store, NOW - timedelta(days=305))
    end(store, "succeeded", finished=NOW - timedelta(days=304))
    again = submit(store, NOW - ago, actor="bob")
    assert (again.is_new, again.revision, again.submitted) == (True, 0, NOW - ago)
    done = end(store, submitted=NOW - ago, finished=NOW - ago + timedelta(seconds=5))
    assert (done.submitted, done.revision) == (NOW - ago, 1)
    first = read_execution(store, "api", "12728", NOW - timedelta(days=305))
    assert [fact.status for fact in first] == ["submitted", "succeeded"]


def test_an_undated_submission_of_a_name_that_is_long_over_is_another_execution(
    ended: Store,
) -> None:
    again = submit(ended, None)
    assert again.is_new
    assert again.submitted > OLD
    assert not submit(ended, None).is_new


def test_an_undated_submission_soon_after_the_end_is_a_repetition(store: Store) -> None:
    submit(store, None)
    end(store)
    assert not submit(store, None).is_new


def test_an_outcome_goes_to_the_submission_that_it_names_else_to_the_latest(ended: Store) -> None:
    submit(ended, NOW - timedelta(hours=2))
    assert end(ended).submitted == NOW - timedelta(hours=2)
    with pytest.raises(NotFound, match="submitted 2001"):
        end(ended, submitted=datetime(2001, 1, 1, tzinfo=UTC))


def test_another_outcome_of_work_that_ended_long_ago_must_be_a_correction(ended: Store) -> None:
    with pytest.raises(CorrectionNeeded, match=r"^correction: .* more than 7 days ago") as caught:
        end(ended)
    assert caught.value.field == "correction"
    with pytest.raises(CorrectionNeeded):
        end(ended, submitted=OLD)
    assert end(ended, is_correction=True).is_new
    assert not end(ended).is_new


def test_a_recent_outcome_and_the_first_one_need_not_say_so(store: Store) -> None:
    submit(store, OLD)
    assert end(store, finished=NOW - timedelta(days=6)).is_new
    assert end(store, "succeeded").is_new


SKEWS = {
    "a start 0.2 s early": (-0.2, 100.0, 0.0, 100.2),
    "a start 9 s early": (-9.0, 1.0, 0.0, 10.0),
    "an end before the start": (3.0, 2.0, 3.0, 3.0),
    "all of it early": (-2.0, -1.0, 0.0, 1.0),
}


@pytest.mark.parametrize("skew", SKEWS.values(), ids=SKEWS)
def test_times_a_little_out_of_order_are_moved_and_the_duration_stays(
    store: Store, skew: tuple[float, float, float, float]
) -> None:
    submitted = NOW - timedelta(hours=1)
    sent = [submitted + timedelta(seconds=at) for at in skew]
    submit(store, submitted)
    assert end(store, started=sent[0], finished=sent[1]).is_new
    fact = read_execution(store, "api", "12728")[-1]
    assert [fact.started, fact.finished] == sent[2:]
    assert not end(store, started=sent[0], finished=sent[1]).is_new


def test_a_start_that_is_a_little_early_is_the_submission(store: Store) -> None:
    submitted = NOW - timedelta(hours=1)
    early = submitted - timedelta(seconds=1.5)
    assert submit(store, submitted, started=early).is_new
    assert not submit(store, submitted, started=early).is_new
    assert read_execution(store, "api", "12728")[-1].started == submitted


def test_times_far_out_of_order_are_refused(store: Store) -> None:
    submitted = NOW - timedelta(hours=1)
    submit(store, submitted)
    with pytest.raises(BadInput, match=r"^started: .* is before submitted"):
        end(store, started=submitted - timedelta(seconds=10.1))


def test_names_are_trimmed_as_those_of_logs_are(store: Store) -> None:
    submit(store, NOW - timedelta(hours=1), source_id=" 12728\n", actor="ann\u3000")
    fact = read_execution(store, "api", "12728")[0]
    assert (fact.source_id, fact.actor) == ("12728", "ann")
