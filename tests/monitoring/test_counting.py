"""Slices are counted once, from facts as they were known, and again only when they must be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import text

from runlore.features import matrix
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.queries import facts
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import Unavailable
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.executions import read_facts
from runlore.monitoring.actions import counting, reference
from runlore.monitoring.actions.counting import CountRequest, SliceCounting, VersionLog, counter_of
from runlore.monitoring.actions.reference import Champion
from runlore.monitoring.rules.histogram import Profile, count
from runlore.monitoring.rules.measures import LABEL
from runlore.specs.catalog.duration import SPEC as DURATION
from runlore.store.engine import Store
from runlore.training.actions.targets import target_of
from tests.log.logged_work import Work, add, day, table
from tests.oracles import slices as oracle

FEATURES = FeatureSet(histories=(HistoryFeatures(("actor",), ("failed", "duration_s"), (DAY_S,)),))
SPEC = replace(DURATION, features=FEATURES)
WEEK_S = 7 * DAY_S
QUIET = Work(800, 0, 28, minutes=300)
COUNTED = text("SELECT starts_at, counted_at FROM runlore.drift_slices ORDER BY starts_at")


def champion(store: Store) -> Champion:
    log = matrix.prepare(read_facts(store))
    everything = np.ones(len(log.executions), dtype=bool)
    plan = matrix.resolve(FEATURES, log, everything)
    rows, _ = matrix.extract(log, plan)
    words = [each.name for each in plan.categories]
    formula = rows[:, 0].astype(np.float64)
    kept = reference.make(rows, plan.names, words, formula, target_of(log, SPEC))
    return Champion("1", plan, lambda of: of[:, 0].astype(np.float64), kept, (0, to_us(day(28))))


class Reader:
    """Reads the log, and counts how often it was asked to."""

    def __init__(self, read: Callable[[], VersionLog]) -> None:
        self.read, self.times = read, 0

    def __call__(self) -> VersionLog:
        self.times += 1
        return self.read()


def counting_of(store: Store, known: Champion) -> tuple[SliceCounting, Reader]:
    grid = time_slices.grid_of(WEEK_S)
    assert known.reference is not None
    bins = known.reference.profile.bins
    read = Reader(lambda: VersionLog.read(store, known, SPEC, grid))
    return SliceCounting(store, counter_of(known, bins, SPEC, grid), bins, read), read


def weeks(first: int, last: int) -> tuple[time_slices.SliceRange, ...]:
    return tuple(time_slices.ending(day(7 * at), WEEK_S) for at in range(first, last + 1))


def wanted(first: int = 1, last: int = 4) -> CountRequest:
    asked = weeks(first, last)
    return CountRequest(asked, asked[-1], 100)


def counted_at(store: Store) -> dict[datetime, datetime]:
    with store.begin() as connection:
        return dict(connection.execute(COUNTED).tuples().all())


def same(one: Profile, other: Profile) -> None:
    assert one.names == other.names
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        assert (mine.counts == theirs.counts).all(), mine.name
        assert (mine.missing, mine.moments.n) == (theirs.missing, theirs.moments.n)
        assert mine.sums == pytest.approx(theirs.sums, rel=1e-6, abs=1e-6)
        assert mine.moments.sd == pytest.approx(theirs.moments.sd, rel=1e-6)


def tell(store: Store, rows: pa.Table, at: datetime) -> None:
    batch = facts.batch("executions", rows)
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, at)


def test_a_window_added_up_from_slices_is_the_window_counted_at_once(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    slices, _ = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(28))
    material = VersionLog.read(store, known, SPEC, time_slices.grid_of(WEEK_S))
    of_rows = [each for each in slices.bins if each.name != LABEL]
    for span, found in zip(weeks(1, 4), slices.profiles(weeks(1, 4)), strict=True):
        submitted = material.log.as_of_us
        inside = np.flatnonzero((submitted > to_us(span.begin)) & (submitted <= to_us(span.end)))
        at_once = count(of_rows, material.at(inside, [each.name for each in of_rows]))
        same(found.only(at_once.names), at_once)
        assert found.rows == oracle.executions_in(
            material.log.facts, to_us(span.begin), to_us(span.end)
        )


def test_labels_are_those_known_at_the_end_of_the_slice_they_became_known_in(store: Store) -> None:
    add(store, QUIET)
    for seed, at in ((1, 9.7), (2, 20.2)):
        corrected = table(replace(QUIET, minutes=900)).slice(seed * 20, 250)
        tell(store, corrected, day(at))
    known = champion(store)
    slices, _ = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(28))
    told = read_facts(store)
    label = next(each for each in slices.bins if each.name == LABEL)
    for number in wanted().numbers:
        ends = [to_us(time_slices.grid_of(WEEK_S).begin(each)) for each in (number, number + 1)]
        values = oracle.label_values(told, *ends)
        expected = count([label], np.array(values, np.float32)[:, np.newaxis])
        with store.begin() as connection:
            found = counting.histograms.read(
                connection, slices.counter, [label], [time_slices.grid_of(WEEK_S).begin(number)]
            )
        (only,) = found.values()
        same(only, expected)


def test_work_that_still_runs_has_no_label(store: Store) -> None:
    add(store, QUIET)
    running = table(replace(QUIET, source="running", seed=5))
    status = running.column_names.index("status")
    running = running.set_column(status, "status", pa.array(["running"] * len(running)))
    tell(store, running, day(28))
    slices, _ = counting_of(store, champion(store))
    slices.bring_up_to_date(wanted(), day(28))
    whole = slices.profiles(weeks(1, 4))
    assert sum(each.rows for each in whole) == 2 * QUIET.executions
    assert sum(each.columns[-1].rows for each in whole) <= QUIET.executions
    assert whole[0].columns[-1].name == LABEL


def test_the_log_is_not_read_again_while_nothing_is_new(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    slices, read = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(28))
    first = slices.profiles(weeks(1, 4))
    again, unread = counting_of(store, known)
    again.bring_up_to_date(wanted(2, 4), day(29))
    assert (read.times, unread.times) == (1, 0)
    for one, other in zip(again.profiles(weeks(2, 4)), first[1:], strict=True):
        same(one, other)


def test_a_week_more_counts_a_week_more(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(1, 3), day(21))
    before = counted_at(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(1, 4), day(28))
    after = counted_at(store)
    assert len(after) == len(before) + 7
    undrawn = {start for start in before if start < day(21)}
    assert {start: after[start] for start in undrawn} == {start: before[start] for start in undrawn}


def test_a_late_fact_has_only_the_slices_counted_again_that_it_may_change(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(), day(28))
    add(store, Work(5, 16.5, 2, source="late", minutes=1))
    slices, read = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(30))
    again = {start for start, at in counted_at(store).items() if at == day(30)}
    assert again == {day(at) for at in range(16, 28)}
    assert read.times == 1
    found = slices.profiles(weeks(1, 4))
    assert sum(each.rows for each in found) == QUIET.executions + 5
    fresh, _ = counting_of(store, replace(known, digest="counted anew"))
    fresh.bring_up_to_date(wanted(), day(30))
    for one, other in zip(found, fresh.profiles(weeks(1, 4)), strict=True):
        same(one, other)


def test_a_correction_that_becomes_known_today_changes_no_slice_of_the_past(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(), day(28))
    tell(store, table(replace(QUIET, failing=0.9, minutes=1)), day(29))
    slices, read = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(30))
    assert read.times == 0


def test_a_fact_committed_behind_the_newest_has_everything_counted_again(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(), day(28))
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.executions SET seq = seq + 10 WHERE seq > 400"))
        connection.execute(text("UPDATE runlore.drift_slices SET until_seq = until_seq + 10"))
        connection.execute(text("SELECT setval('runlore.fact_seq', 401, false)"))
    add(store, Work(3, 24, 1, source="slow to commit"))
    slices, read = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(30))
    assert read.times == 1
    assert set(counted_at(store).values()) == {day(30)}


def test_cut_off_it_goes_on_where_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, QUIET)
    known = champion(store)
    monkeypatch.setattr(counting, "SLICES_AT_ONCE", 5)
    done = 0
    write = counting.histograms.add

    def die(*arguments: object) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(counting.histograms, "add", die)
    with pytest.raises(KeyboardInterrupt):
        counting_of(store, known)[0].bring_up_to_date(wanted(), day(28))
    assert len(counted_at(store)) == 10
    monkeypatch.setattr(counting.histograms, "add", write)
    slices, _ = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(29))
    by_time = counted_at(store)
    assert sum(at == day(28) for at in by_time.values()) == 10
    whole = slices.profiles(weeks(1, 4))
    assert sum(each.rows for each in whole) == QUIET.executions
    fresh, _ = counting_of(store, replace(known, digest="counted anew"))
    fresh.bring_up_to_date(wanted(), day(30))
    for one, other in zip(whole, fresh.profiles(weeks(1, 4)), strict=True):
        same(one, other)


def test_another_models_slices_are_not_taken_for_ones_own(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    counting_of(store, known)[0].bring_up_to_date(wanted(), day(28))
    other = replace(known, digest="another", predict=lambda rows: rows[:, 0] * 0.0 + 7)
    slices, read = counting_of(store, other)
    slices.bring_up_to_date(wanted(), day(28))
    assert read.times == 1
    prediction = slices.profiles(weeks(4, 4))[0].columns[-2]
    assert prediction.moments.mean == 7


def test_facts_of_the_past_that_keep_coming_in_are_told_of(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    slices, _ = counting_of(store, known)

    def read() -> VersionLog:
        found = VersionLog.read(store, known, SPEC, time_slices.grid_of(WEEK_S))
        add(store, Work(1, 3 + np.random.default_rng().random(), 1, source="steady"))
        return found

    with pytest.raises(Unavailable, match="keep coming in"):
        replace(slices, read=read).bring_up_to_date(wanted(), day(28))


def test_rows_are_drawn_from_every_day_as_it_has_rows(store: Store) -> None:
    add(store, replace(QUIET, days=27.5), Work(200, 27.5, 0.5, source="busy"))
    slices, _ = counting_of(store, champion(store))
    slices.bring_up_to_date(wanted(), day(28))
    span = weeks(4, 4)[0]
    drawn = slices.sample(span, 40)
    assert (len(drawn.values), drawn.values.shape[1]) == (40, len(slices.bins) - 1)
    assert drawn.at_us is not None
    assert (np.diff(drawn.at_us) > 0).all()
    last_day = (drawn.at_us > to_us(day(27))).mean()
    assert last_day == pytest.approx(214 / drawn.of, abs=0.05)
    assert slices.sample(weeks(2, 2)[0], 40).of == 0, "only the window's rows are kept"


def test_slices_of_a_version_that_has_gone_are_dropped_after_a_month(store: Store) -> None:
    add(store, QUIET)
    known = champion(store)
    for version, at in (("1", 28), ("2", 57), ("3", 59)):
        slices, _ = counting_of(store, replace(known, version=version))
        slices.bring_up_to_date(wanted(4, 4), day(at))
    with store.begin() as connection:
        versions = connection.execute(
            text("SELECT DISTINCT version FROM runlore.drift_slices ORDER BY 1")
        ).scalars()
        assert list(versions) == ["2", "3"]
        left = connection.scalar(
            text("SELECT count(*) FROM runlore.drift_histograms WHERE version = '1'")
        )
    assert left == 0
