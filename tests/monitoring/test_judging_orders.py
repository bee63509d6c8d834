"""The same facts and windows give the same anomaly, whatever was judged or came in first."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules.state import AlertEpisode
from runlore.monitoring.actions import drift_history
from runlore.monitoring.actions.drift_history import Judgement, RecordedWindows
from runlore.monitoring.actions.judging import Judging
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.monitoring.rules.verdict import WindowVerdict, judge
from runlore.store.engine import Store
from tests.log.logged_work import Work, add, day
from tests.monitoring.test_drift_history import POLICY, REFERENCE, block
from tests.tables import empty_tables

BALANCE = """
SELECT count(*) FILTER (WHERE source LIKE 'odd%') - count(*) FILTER (WHERE source LIKE 'usual%')
FROM runlore.executions WHERE known_at > :begin AND known_at <= :end
"""
SUBJECT = ("spec", "1")
WEEKS = 4


def verdict(shift: float) -> WindowVerdict:
    from runlore.monitoring.rules.histogram import count

    return judge(REFERENCE, count(REFERENCE.bins, block(shift, 1)), POLICY)


DRIFT, QUIET = verdict(2.0), verdict(0.0)


def window(week: int) -> ComparedWindow:
    return ComparedWindow(*SUBJECT, day(7 * week), day(7 * week + 7))


@dataclass(frozen=True)
class Backfill:
    """Facts of one week that come in late: odd ones make it a drift, usual ones take it back."""

    week: int
    kind: str
    number: int

    def come(self, store: Store) -> None:
        source = f"{self.kind}-{self.number}"
        add(store, Work(3, 7 * self.week + 0.5, 5, minutes=30, source=source, seed=self.number))


def look(store: Store, week: int) -> RecordedWindows:
    """Monitor a week at its end; it has drifted when it holds more odd facts than usual ones."""

    def examine(
        asked: ComparedWindow, seen: Watermark, _before: DriftComparison | None
    ) -> Judgement:
        span = {"begin": asked.window_from, "end": asked.window_to}
        with store.begin() as connection:
            balance = connection.scalar(text(BALANCE), span)
        return Judgement(asked, DRIFT if balance > 0 else QUIET, seen, "x.html")

    judgements = Judging(store, POLICY, window(week), examine).judge()
    at = window(week).window_to
    return drift_history.record(store, list(judgements.values()), SUBJECT, POLICY, at)


def alert(store: Store) -> AlertEpisode | None:
    with store.begin() as connection:
        (last, *_) = [*alerts.read(connection, AlertQuery("open", "drift", "spec")), None]
    return last


def said(store: Store) -> dict[str, object] | None:
    """What is open, and what it says."""
    last = alert(store)
    return None if last is None else {"what": last.what, **last.evidence}


def decided(store: Store) -> tuple[str, ...]:
    return drift_history.decision(store, SUBJECT, POLICY, day(7 * WEEKS)).reasons


BACKFILLS = st.lists(
    st.builds(
        Backfill, st.integers(0, WEEKS - 1), st.sampled_from(["odd", "odd", "usual"]), st.just(0)
    ),
    min_size=2,
    max_size=7,
).map(lambda late: [Backfill(one.week, one.kind, at) for at, one in enumerate(late)])


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(backfills=BACKFILLS, data=st.data())
def test_any_order_of_windows_and_backfills_opens_the_same_anomaly(
    database: Store, backfills: list[Backfill], data: st.DataObject
) -> None:
    judged = data.draw(st.sets(st.integers(0, WEEKS - 1), min_size=2), label="weeks judged")
    events: list[int | Backfill] = [*sorted(judged), *backfills]
    order = data.draw(st.permutations(events), label="order")
    last = data.draw(st.sampled_from(sorted(judged)), label="looked at last")

    empty_tables(database)
    for backfill in backfills:
        backfill.come(database)
    for week in sorted(judged):
        look(database, week)
    expected, decision = said(database), decided(database)

    empty_tables(database)
    for event in order:
        look(database, event) if isinstance(event, int) else event.come(database)
    look(database, last)
    assert said(database) == expected
    assert decided(database) == decision

    before = alert(database)
    look(database, last)
    assert alert(database) == before, "looking again is no second alert"


def odd(store: Store, *weeks: int) -> None:
    for week in weeks:
        Backfill(week, "odd", week).come(store)


def test_the_older_window_judged_after_the_newer_one_opens_the_anomaly(store: Store) -> None:
    odd(store, 0, 1)
    assert look(store, 1).anomaly is None, "one drifted window is no alarm"
    assert look(store, 0).anomaly == "opened"
    last = alert(store)
    assert last is not None
    assert last.evidence["window_to"] == day(14).isoformat(), "of the newest window"
    assert last.evidence["since"] == day(0).isoformat()
    assert [look(store, week).anomaly for week in (1, 0, 1)] == ["open"] * 3
    assert alert(store) == last


def test_a_window_is_judged_anew_when_facts_of_its_time_come_in_and_keeps_what_was_said(
    store: Store,
) -> None:
    assert look(store, 0).added == {window(0)}
    assert look(store, 0).added == frozenset(), "nothing came in"
    odd(store, 0)
    again = look(store, 0)
    assert again.added == {window(0)}
    assert [before.window for before in again.replaced] == [window(0)]
    (record,) = drift_history.history(store, "spec", 10)
    assert record.verdict.answer == "drift"
    assert [(before.verdict.answer, before.at) for before in record.before] == [
        ("no drift", day(7))
    ]


def test_facts_that_became_known_after_a_window_leave_its_verdict(store: Store) -> None:
    look(store, 0)
    odd(store, 1)
    assert look(store, 0).added == frozenset()


def test_facts_that_change_no_figure_replace_nothing(store: Store) -> None:
    odd(store, 0)
    look(store, 0)
    Backfill(0, "odd", 9).come(store)
    again = look(store, 0)
    assert (again.added, again.replaced) == (frozenset(), ())


def test_a_backfill_into_an_older_window_is_judged_when_the_newest_is_looked_at(
    store: Store,
) -> None:
    odd(store, 1)
    assert [look(store, week).anomaly for week in (0, 1)] == [None, None]
    odd(store, 0)
    found = look(store, 1)
    assert (found.added, found.anomaly) == ({window(0)}, "opened")
    Backfill(1, "usual", 7).come(store)
    found = look(store, 1)
    assert (found.added, found.anomaly) == ({window(1)}, "resolved")


def test_what_a_person_has_resolved_stays_so_until_there_is_something_new(store: Store) -> None:
    from runlore.alerts.actions import handling

    odd(store, 0, 1, 2)
    look(store, 0)
    look(store, 1)
    last = alert(store)
    assert last is not None
    handling.close(store, last.id, "ann", "known", day(15))
    assert look(store, 1).anomaly is None
    assert alert(store) is None
    assert look(store, 2).anomaly == "opened"


def test_windows_of_before_are_judged_anew_once_and_replaced_only_where_figures_differ(
    store: Store,
) -> None:
    """Rows of an earlier version of Runlore do not say what was known."""
    odd(store, 0)
    look(store, 0)
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.drift_results SET until_seq = NULL, facts = NULL, reasons = NULL")
        )
    assert look(store, 0).added == frozenset()
    with store.begin() as connection:
        known = drift_results.read(connection, window(0))
    assert known is not None
    assert known.seen is not None


def test_two_that_judge_at_once_leave_the_verdict_of_the_better_informed(store: Store) -> None:
    odd(store, 0)
    look(store, 0)
    stale = Judgement(window(0), QUIET, Watermark(0, 0), "x.html")
    drift_history.record(store, [stale], SUBJECT, POLICY, day(7))
    (record,) = drift_history.history(store, "spec", 10)
    assert record.verdict.answer == "drift"
