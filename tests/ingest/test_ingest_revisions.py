"""A log adds to an execution so often and no more; the other rows are rejects."""

import pytest

from tests.ingest.csv_log import HEADER, Log, row


def corrected(times: int) -> list[str]:
    """A log of one execution whose cost changes with each line, and of another one."""
    return [HEADER, *(row(1, cost=str(100 + n)) for n in range(times)), row(2)]


@pytest.fixture
def log(store, tmp_path) -> Log:
    return Log(store, tmp_path / "log.csv", corrected(6))


def test_rows_beyond_the_largest_revision_are_rejects_with_line_reason_and_remedy(log: Log) -> None:
    done = log.ingest(max_revisions=3)
    assert (done.new, done.known, done.rejected) == (5, 0, 2)
    facts = log.facts()
    assert facts[facts["source_id"] == "1"]["revision"].tolist() == [0, 1, 2, 3]
    rejects = log.rejects()
    assert [reject["line"] for reject in rejects] == [6, 7]
    assert all("RUNLORE_MAX_REVISIONS" in reject["reason"] for reject in rejects)
    assert '"cost": 105' in rejects[-1]["raw"] or '"cost":105' in rejects[-1]["raw"]


def test_rows_that_are_known_and_those_of_a_later_ingest_count(log: Log) -> None:
    log.lines = corrected(3)
    log.ingest(max_revisions=3)
    log.lines = corrected(5)
    log.ingest(max_revisions=3)
    assert len(log.facts()) == 5
    assert [reject["line"] for reject in log.rejects()] == [6]
    log.path = log.path.with_name("other.csv")
    done = log.ingest(max_revisions=3)
    assert (done.new, done.known, done.rejected) == (0, 5, 1)


def test_a_row_that_was_refused_gets_in_when_the_setting_is_raised(log: Log) -> None:
    log.ingest(max_revisions=3)
    log.path = log.path.with_name("other.csv")
    assert log.ingest(max_revisions=5).rejected == 0
    assert len(log.facts()) == 7


def test_without_a_bound_all_get_in(log: Log) -> None:
    log.lines = corrected(150)
    assert log.ingest().rejected == 0
