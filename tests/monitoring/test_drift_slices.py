from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from runlore.monitoring.queries import drift_slices, histograms
from runlore.monitoring.queries.drift_slices import Counter, Slice, StoredSlice, Watermark
from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.sample import Sample
from runlore.store.engine import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
COUNTER = Counter("failure-risk", "1", 86_400_000_000, "these bins")
SEEN = Watermark(0, 0)


def rows(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lost = np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n))
    return np.column_stack([rng.lognormal(size=n), rng.integers(-1, 4, n), lost]).astype(np.float32)


REFERENCE = reference_profile(rows(3_000), ("size", "kind", "lost"), ["kind"])


def put(store: Store, profile: Profile, counter: Counter = COUNTER, day: int = 0) -> None:
    with store.begin() as connection:
        found = Slice(AT + day * DAY, profile.rows)
        drift_slices.add(connection, counter, SEEN, [found], AT)
        histograms.add(connection, counter, {found.starts_at: profile})


def test_a_profile_is_read_as_it_was_written_bit_for_bit(store: Store) -> None:
    for day, n in enumerate((500, 1, 0)):
        put(store, count(REFERENCE.bins, rows(n, day)), day=day)
    starts = [AT + day * DAY for day in range(3)]
    with store.begin() as connection:
        found = histograms.read(connection, COUNTER, REFERENCE.bins, starts)
    for day, n in enumerate((500, 1, 0)):
        expected = count(REFERENCE.bins, rows(n, day))
        for mine, theirs in zip(found[starts[day]].columns, expected.columns, strict=True):
            assert mine.bins is theirs.bins
            assert (mine.counts == theirs.counts).all()
            assert (mine.sums == theirs.sums).all()
            assert (mine.missing, mine.moments) == (theirs.missing, theirs.moments)


def test_columns_are_read_in_the_order_and_choice_asked_for(store: Store) -> None:
    put(store, count(REFERENCE.bins, rows(50)))
    wanted = [REFERENCE.bins[2], REFERENCE.bins[0]]
    with store.begin() as connection:
        found = histograms.read(connection, COUNTER, wanted, [AT, AT + DAY])
    assert {at: each.names for at, each in found.items()} == {AT: ("lost", "size")}


def test_a_slice_that_is_counted_again_takes_the_place_of_the_one_before(store: Store) -> None:
    put(store, count(REFERENCE.bins, rows(50)))
    put(store, count(REFERENCE.bins, rows(70)))
    with store.begin() as connection:
        assert drift_slices.present(connection, COUNTER) == {AT: StoredSlice(70, False)}
        found = histograms.read(connection, COUNTER, REFERENCE.bins, [AT])
    assert found[AT].rows == 70


def test_slices_in_other_bins_are_stale(store: Store) -> None:
    put(store, count(REFERENCE.bins, rows(50)))
    other = Counter(COUNTER.spec, COUNTER.version, COUNTER.length_us, "other bins")
    with store.begin() as connection:
        assert drift_slices.present(connection, other) == {}
        assert drift_slices.drop_stale(connection, COUNTER) == 0
        assert drift_slices.drop_stale(connection, other) == 1
        left = connection.scalar(text("SELECT count(*) FROM runlore.drift_histograms"))
    assert left == 0


def test_samples_come_back_in_order_of_time_and_go_when_nobody_draws_them(store: Store) -> None:
    drawn = [Sample(rows(n, n), 9 * n, np.arange(n, dtype=np.int64)) for n in (3, 5)]
    slices = [Slice(AT + at * DAY, each.of, each) for at, each in enumerate(drawn)]
    with store.begin() as connection:
        drift_slices.add(connection, COUNTER, SEEN, [*slices[::-1], Slice(AT + 2 * DAY, 4)], AT)
        starts = [each.starts_at for each in slices]
        found = drift_slices.samples(connection, COUNTER, starts, 3)
        for mine, theirs in zip(found, drawn, strict=True):
            assert mine.of == theirs.of
            assert np.array_equal(mine.values, theirs.values, equal_nan=True)
            assert (mine.at_us == theirs.at_us).all()
        drift_slices.forget_samples(connection, COUNTER, AT + DAY)
        kept = drift_slices.present(connection, COUNTER)
    assert [each.has_sample for _, each in sorted(kept.items())] == [False, True, False]


@pytest.mark.parametrize(("last", "most"), [(10, 10), (2_000_005, 1_000_000)])
def test_a_watermark_is_the_last_fact_and_how_many_recent_ones_there_were(
    last: int, most: int
) -> None:
    seen = drift_slices.watermark(np.arange(1, last + 1))
    assert (seen.until_seq, seen.facts) == (last, most)
    assert drift_slices.watermark(np.empty(0, np.int64)) == Watermark(0, 0)
