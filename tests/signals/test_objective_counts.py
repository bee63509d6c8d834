"""Events of objectives counted in the store, as slow plain counting finds them."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert

from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.kernel.errors import Misconfigured
from runlore.signals.queries.objective_counts import EXECUTIONS, read_counts
from runlore.specs.objective_spec import (
    BurnRule,
    CounterEvents,
    ExecutionEvents,
    GaugeEvents,
    ObjectiveEvents,
    ObjectiveSpec,
)
from runlore.store import schema
from runlore.store.engine import Store
from tests.signals.points import write_points
from tests.signals.test_execution_series import NOW, START, record, some_executions

DAY_S = 86_400
STEP_S = 300
EVENTS = (
    ExecutionEvents(),
    ExecutionEvents(kind="b*", scope="prod"),
    ExecutionEvents(actor="a?n", good="duration", at_most_s=4_000),
    ExecutionEvents(kind='te"st', good="wait", at_most_s=300),
)


def count(
    store: Store, events: ObjectiveEvents, at: datetime, span_s: int = 7 * DAY_S
) -> tuple[np.ndarray, np.ndarray]:
    with store.connect() as connection:
        counts = read_counts(connection, events, at, span_s, STEP_S)
    assert len(counts.total) == span_s // STEP_S
    return counts.total, counts.bad


def count_slowly(
    facts: pd.DataFrame, events: ExecutionEvents, at: datetime, span_s: int = 7 * DAY_S
) -> tuple[np.ndarray, np.ndarray]:
    """One fact after the other; the last one that was known of each execution counts."""
    last: dict[str, dict[str, object]] = {}
    for fact in facts.sort_values("revision").to_dict("records"):
        if fact["known_at"] <= at:
            last[fact["source_id"]] = fact
    total, bad = np.zeros(span_s // STEP_S), np.zeros(span_s // STEP_S)
    for fact in last.values():
        age = (at - fact["finished"]).total_seconds()
        is_meant = {"*": True, "b*": fact["kind"] == "build"}.get(
            events.kind, fact["kind"] == events.kind
        )
        is_meant &= events.scope in {"*", fact["scope"]}
        is_meant &= events.actor == "*" or fact["actor"] == "ann"
        if not is_meant or not 0 <= age < span_s or fact["status"] == "cancelled":
            continue
        seconds = {
            "success": 0.0 if fact["status"] == "succeeded" else np.inf,
            "duration": (fact["finished"] - fact["started"]).total_seconds(),
            "wait": (fact["started"] - fact["submitted"]).total_seconds(),
        }[events.good]
        place = len(total) - 1 - int(age // STEP_S)
        total[place] += 1
        bad[place] += seconds > (0.0 if events.good == "success" else events.at_most_s)
    return total, bad


@pytest.fixture
def facts(store: Store) -> pd.DataFrame:
    made = some_executions(1_500, 20)
    record(store, made[:1_000], ingest_id=None)
    record(store, made[1_000:])
    return made


def test_executions_are_counted_as_they_were_known(store: Store, facts: pd.DataFrame) -> None:
    for events in EVENTS:
        for at in (START + timedelta(days=9, seconds=7), START + timedelta(days=20), NOW):
            span_s = 28 * DAY_S if at == NOW else 7 * DAY_S
            total, bad = count(store, events, at, span_s)
            slow_total, slow_bad = count_slowly(facts, events, at, span_s)
            assert slow_total.sum() > 10
            assert total.tolist() == slow_total.tolist()
            assert bad.tolist() == slow_bad.tolist()


def test_what_was_undone_counts_for_instants_before_the_undo(store: Store) -> None:
    with store.begin() as connection:
        row = {"source": "ci", "path": "x", "records": "executions"}
        row |= {"mapping_digest": "m", "prefix_digest": "p"}
        number = connection.execute(
            insert(schema.ingests).returning(schema.ingests.c.id), row
        ).scalar_one()
    first, second = some_executions(300, 3, seed=1), some_executions(300, 3, seed=2)
    record(store, first, ingest_id=number)
    record(store, second)
    both = pd.concat([first, second])
    done = undo_ingest(store, UndoTarget(ingest_id=number), UndoReason("ann", "a test"))
    after = done.withdrawal.known_at
    for at, known in [(after - timedelta(seconds=1), both), (after, second)]:
        total, bad = count(store, ExecutionEvents(), at, 400 * DAY_S)
        slow_total, slow_bad = count_slowly(known, ExecutionEvents(), at, 400 * DAY_S)
        assert total.tolist() == slow_total.tolist()
        assert bad.tolist() == slow_bad.tolist()


def test_corrections_are_looked_for_in_the_months_of_what_ended(
    store: Store, facts: pd.DataFrame
) -> None:
    old = facts.assign(source="old")
    for column in ("submitted", "started", "finished", "submission_known_at", "known_at"):
        old[column] -= timedelta(days=400)
    record(store, old)
    values = {"as_of": NOW, "since": NOW - timedelta(days=28), "step_us": STEP_S * 10**6}
    values |= dict.fromkeys(("kind", "scope", "actor", "source"), "%")
    values |= {"good": "success", "at_most_s": 0.0}
    values |= {"submitted_after": NOW - timedelta(days=500)}
    with store.connect() as connection:
        rows = connection.execute("EXPLAIN (ANALYZE, COSTS OFF) " + EXECUTIONS, values).fetchall()
    of_old = [row[0] for row in rows if " on executions_2025_01" in row[0]]
    assert any("never executed" in line for line in of_old), rows


def grow_slowly(values: np.ndarray, step_s: int, at_s: float, span_s: int) -> np.ndarray:
    """Growth by steps back from an instant, second by second."""
    grown = np.zeros(span_s // STEP_S)
    for number in range(1, len(values)):
        now, before = values[number], values[number - 1]
        growth = now if now < before else now - before
        for second in range(step_s):
            place = int((at_s - (number - 1) * step_s - second - 1) // STEP_S)
            if 0 <= place < len(grown):
                grown[len(grown) - 1 - place] += growth / step_s
    return grown


@pytest.mark.parametrize("step_s", [60, 700])
def test_counters_grow_and_restart(store: Store, step_s: int) -> None:
    random = np.random.default_rng(step_s)
    good, bad = (np.cumsum(random.poisson(rate, 60)).astype(float) for rate in (9, 2))
    good[40:] -= good[39]
    names = ['requests_total{code="200"}', 'requests_total{code="500"}', "requestsXtotal"]
    step = timedelta(seconds=step_s)
    for name, values in zip(names, [good, bad, bad], strict=True):
        write_points(store, values, name=name, step=step, kind="counter")
    at_s = 50 * step_s + 17
    at = START + timedelta(seconds=at_s)
    pattern = "requests_total{*}"
    total, failed = count(store, CounterEvents(pattern, bad='requests_total{*"5*'), at, DAY_S)
    known = slice(0, 51)
    slow_bad = grow_slowly(bad[known], step_s, at_s, DAY_S)
    slow_good = grow_slowly(good[known], step_s, at_s, DAY_S)
    assert failed == pytest.approx(slow_bad)
    assert total == pytest.approx(slow_good + slow_bad)
    by_good = count(store, CounterEvents(pattern, good=names[0]), at, DAY_S)
    assert by_good[1] == pytest.approx(slow_bad, abs=1e-9)


def test_points_of_a_gauge_are_within_their_bounds_or_bad(store: Store) -> None:
    values = np.array([1.0, 5.0, 9.0, 5.0, np.nan, 7.0])
    write_points(store, values, name="lag", step=timedelta(minutes=1))
    late = np.array([99.0])
    write_points(store, late, name="lag", known_at=NOW, revision=1)
    at = START + timedelta(minutes=5)
    events = GaugeEvents("lag", upper=6.0)
    total, bad = count(store, events, at, DAY_S)
    assert (total.sum(), bad.sum()) == (6, 3)
    assert total[-1] == 5
    total, bad = count(store, events, NOW, 60 * DAY_S)
    assert (total.sum(), bad.sum()) == (6, 4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ObjectiveSpec("a", ExecutionEvents(), 99.5), "target"),
        (lambda: ObjectiveSpec("", ExecutionEvents(), 0.9), "name"),
        (lambda: ObjectiveSpec("a/b", ExecutionEvents(), 0.9), "name"),
        (lambda: ObjectiveSpec("a", ExecutionEvents(), 0.9, period_s=DAY_S), "longer"),
        (lambda: ObjectiveSpec("a", ExecutionEvents(), 0.9, 90, policy=()), "whole minutes"),
        (lambda: ObjectiveSpec("a", ExecutionEvents(), 0.9, 365 * DAY_S + 60), "too long"),
        (lambda: ExecutionEvents(good="wait"), "at_most_s"),
        (lambda: CounterEvents("a", "b", "c"), "one of"),
        (lambda: GaugeEvents("a"), "lower, upper"),
        (lambda: BurnRule("page", 2, 60, 60), "short_s"),
    ],
)
def test_what_makes_no_sense_is_refused(make: object, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        make()  # type: ignore[operator]
