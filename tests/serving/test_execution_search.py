"""Pages of executions and of the ledger: complete, in order, and bounded in what they read."""

from datetime import UTC, datetime, timedelta

import pytest

from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import execution_story, recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.serving.queries import execution_search, ledger_pages, ledger_writer
from runlore.serving.queries.execution_search import ExecutionQuery
from runlore.serving.queries.ledger import Row, new_id
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import Store
from runlore.store.months import transaction

AT = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(store: Store, number: int, actor: str, status: ExecutionStatus | None) -> None:
    submitted = AT + number * HOUR
    work = Submission(
        actor, "build", f"s-{number % 2}", source_id=f"e-{number}", submitted=submitted
    )
    recording.record_submission(store, work, submitted)
    if status is not None:
        report = OutcomeReport(status, submitted, submitted + timedelta(minutes=number + 1))
        recording.record_outcome(
            store, recording.SOURCE, f"e-{number}", report, submitted + HOUR / 2
        )


@pytest.fixture
def ten(store: Store) -> Store:
    """Ten executions: every third failed, the last is open."""
    for number in range(10):
        ended = ExecutionStatus.SUCCEEDED if number % 3 else ExecutionStatus.FAILED
        record(store, number, "ann" if number % 2 else "bob", None if number == 9 else ended)
    return store


def ids(store: Store, query: ExecutionQuery, limit: int = 100) -> list[str]:
    """All pages of a search, one after the other."""
    found: list[str] = []
    before: int | None = query.before
    while True:
        page = execution_search.search(
            store, ExecutionQuery(**vars(query) | {"before": before}), limit
        )
        assert len(page.executions) <= limit
        found += [execution.source_id for execution in page.executions]
        if page.next is None:
            return found
        assert before is None or page.next < before
        before = page.next


@pytest.mark.parametrize("limit", [1, 3, 10, 50])
def test_pages_of_executions_are_complete_and_in_order(ten: Store, limit: int) -> None:
    assert ids(ten, ExecutionQuery(), limit) == [f"e-{number}" for number in range(9, -1, -1)]


def test_a_search_filters_by_what_holds_now(ten: Store) -> None:
    assert ids(ten, ExecutionQuery(status="failed")) == ["e-6", "e-3", "e-0"]
    assert ids(ten, ExecutionQuery(status="submitted")) == ["e-9"]
    assert ids(ten, ExecutionQuery(actor="ann", scope="s-1", status="failed")) == ["e-3"]
    assert ids(ten, ExecutionQuery(kind="test")) == []
    assert ids(ten, ExecutionQuery(source_id="e-4")) == ["e-4"]
    assert ids(ten, ExecutionQuery(source_id="e-4", actor="ann")) == []
    within = ExecutionQuery(since=AT + 2 * HOUR, until=AT + 4 * HOUR)
    assert ids(ten, within) == ["e-3", "e-2"]


def test_a_page_reads_no_more_rows_than_it_may_and_the_next_goes_on(
    ten: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_search, "ROWS_SCANNED", 3)
    monkeypatch.setattr(execution_search, "ROWS_LOOKED_UP", 2)
    assert ids(ten, ExecutionQuery(actor="bob")) == ["e-8", "e-6", "e-4", "e-2", "e-0"]
    rare = ExecutionQuery(source_id=None, actor="bob", status="failed")
    page = execution_search.search(ten, rare, 50)
    assert [execution.source_id for execution in page.executions] == []
    assert page.next is not None
    assert ids(ten, rare) == ["e-6", "e-0"]


def test_a_search_by_id_looks_through_all_sources(ten: Store) -> None:
    work = Submission("cid", "build", "", source="other", source_id="e-4", submitted=AT)
    recording.record_submission(ten, work, AT)
    page = execution_search.search(ten, ExecutionQuery(source_id="e-4"), 5)
    assert {execution.source for execution in page.executions} == {"api", "other"}


def test_the_values_of_outcomes_are_known_of_what_is_over(ten: Store) -> None:
    page = execution_search.search(ten, ExecutionQuery(), 3)
    assert execution_story.outcome_values(page.executions, "duration_s") == [None, 540.0, 480.0]
    assert execution_story.outcome_values(page.executions, "failed") == [None, 0.0, 0.0]
    assert execution_story.outcome_values(page.executions, "outcome.cost") == [None, None, None]
    assert execution_story.outcome_values([], "failed") == []


def test_a_story_is_in_the_order_in_which_it_became_known(ten: Store) -> None:
    fix = OutcomeReport(ExecutionStatus.FAILED)
    recording.record_outcome(ten, recording.SOURCE, "e-4", fix, AT + 30 * HOUR)
    answer = ledger_row("failure-risk", AT + 4 * HOUR + HOUR / 4, "e-4")
    transaction(ten, lambda connection: ledger_writer.add_soon(connection, [answer]))
    story = execution_story.tell(ten, recording.SOURCE, "e-4")
    assert [step.what for step in story.steps] == ["submitted", "answered", "ended", "corrected"]
    assert story.newest.status == "failed"
    assert [like.source_id for like in story.like] == ["e-2", "e-0"]
    assert [row["id"] for row in story.answers] == [answer.id]


def ledger_row(spec: str, at: datetime, execution: str | None = None, status: int = 200) -> Row:
    source = None if execution is None else recording.SOURCE
    return Row(
        at=at,
        id=new_id(at),
        spec=spec,
        version="7",
        arm="champion",
        status=status,
        as_of=at,
        request={},
        source=source,
        source_id=execution,
        prediction=0.5,
    )


@pytest.mark.parametrize("scanned", [2, 50_000])
def test_pages_of_the_ledger_are_complete_though_many_answers_have_one_instant(
    store: Store, monkeypatch: pytest.MonkeyPatch, scanned: int
) -> None:
    monkeypatch.setattr(ledger_pages, "ROWS_SCANNED", scanned)
    rows = [ledger_row("a" if n % 2 else "b", AT + (n // 5) * HOUR) for n in range(20)]
    rows.append(ledger_row("a", AT, status=422))
    transaction(store, lambda connection: ledger_writer.add_soon(connection, rows))
    expected = sorted(rows, key=lambda row: (row.at, row.id), reverse=True)
    for query, matching in (
        (LedgerQuery(), expected),
        (LedgerQuery(spec="a"), [row for row in expected if row.spec == "a"]),
        (LedgerQuery(status=422), [row for row in expected if row.status == 422]),
    ):
        found, before = [], None
        while True:
            page = ledger_pages.newest(store, query, 3, before)
            found += [entry.id for entry in page.entries]
            before = page.next
            if before is None:
                break
        assert found == [row.id for row in matching]
