"""Personal data expire in declared sources alone, once, and are counted."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runlore.privacy.actions.retention import expire
from runlore.privacy.queries.expired_data import list_expired
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.store.engine import Store
from tests.tables import empty_tables

NOW = datetime(2026, 11, 30, tzinfo=UTC)
Post = tuple[str, int]  # source, and hours before NOW


def record(store: Store, posts: list[Post]) -> None:
    for number, (source, hours) in enumerate(posts):
        at = NOW - timedelta(hours=hours)
        post = Submission("ann", "image", "instagram", {}, source, str(number), at)
        recording.record_submission(store, post, at)
        end = OutcomeReport(ExecutionStatus.SUCCEEDED, at, at)
        recording.record_outcome(store, source, str(number), end, at)


def facts(store: Store) -> Counter[Post]:
    query = "SELECT source, submitted FROM runlore.executions"
    with store.connect() as connection:
        rows = connection.execute(query).fetchall()
    return Counter((source, round((NOW - at).total_seconds() / 3600)) for source, at in rows)


@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["posts", "builds"]), st.integers(0, 2400)), max_size=6),
    st.sampled_from([30, 60, 90]),
)
def test_what_is_left_is_young_or_of_another_source(
    database: Store, posts: list[Post], days: int
) -> None:
    empty_tables(database)
    record(database, posts)
    before = facts(database)
    old = {post for post in before if post[0] == "posts" and post[1] > days * 24}
    preview = expire(database, ["posts"], days, NOW, dry_run=True)
    assert facts(database) == before
    done = expire(database, ["posts"], days, NOW)
    assert done == preview
    assert facts(database) == Counter({p: n for p, n in before.items() if p not in old})
    assert sum(one.executions for one in done) == sum(before[post] for post in old)
    assert expire(database, ["posts"], days, NOW) == ()
    with database.connect() as connection:
        assert tuple(list_expired(connection, 9)) == done


def test_nothing_expires_where_no_source_is_declared(store: Store) -> None:
    record(store, [("posts", 24 * 400)])
    assert expire(store, [], 30, NOW) == ()
    assert facts(store).total() == 2


@pytest.mark.parametrize("days", ["29", "91", "0"])
def test_days_outside_of_30_to_90_are_refused(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from runlore.kernel.errors import Misconfigured
    from runlore.settings import read

    monkeypatch.setenv("RUNLORE_PERSONAL_DAYS", days)
    with pytest.raises(Misconfigured, match="RUNLORE_PERSONAL_DAYS"):
        read()
