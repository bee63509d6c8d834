import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from runlore.monitoring.rules import histogram
from runlore.monitoring.rules.histogram import (
    MOST_BINS,
    Profile,
    count,
    count_chunks,
    reference_profile,
)

CELLS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, math.nan, math.inf, -math.inf]),
    st.floats(-1e6, 1e6, width=32),
)


def tables(columns: int = 3) -> st.SearchStrategy:
    shapes = st.tuples(st.integers(0, 300), st.just(columns))
    return arrays(np.float32, shapes, elements=CELLS)


def by_hand(bins: histogram.Bins, values: np.ndarray) -> list[int]:
    """The slow, obvious count."""
    counts = [0] * len(bins)
    for value in values[np.isfinite(values)]:
        if bins.is_category:
            places = [i for i, cut in enumerate(bins.cuts) if cut == value]
            counts[places[0] if places else -1] += 1
        else:
            counts[sum(cut < value for cut in bins.cuts)] += 1
    return counts


def same(one: Profile, other: Profile) -> bool:
    return all(
        (mine.counts == theirs.counts).all()
        and mine.missing == theirs.missing
        and np.allclose(mine.sums, theirs.sums, rtol=1e-9, atol=1e-3)
        and mine.moments.n == theirs.moments.n
        and (mine.moments.low, mine.moments.high) == (theirs.moments.low, theirs.moments.high)
        and np.isclose(mine.moments.sd, theirs.moments.sd, rtol=1e-6, atol=1e-6)
        for mine, theirs in zip(one.columns, other.columns, strict=True)
    )


@settings(deadline=None)
@given(tables(), tables())
def test_counts_equal_those_made_by_hand(reference: np.ndarray, current: np.ndarray) -> None:
    profile = reference_profile(reference, ["a", "b", "c"], ["c"])
    for rows, counted in ((reference, profile), (current, count(profile.bins, current))):
        for at, column in enumerate(counted.columns):
            assert column.counts.tolist() == by_hand(column.bins, rows[:, at])
            assert column.rows == len(rows)
            assert column.missing == (~np.isfinite(rows[:, at])).sum()


@settings(deadline=None)
@given(tables(), st.integers(0, 300))
def test_counts_of_parts_add_up_to_those_of_the_whole(rows: np.ndarray, cut: int) -> None:
    bins = reference_profile(rows, ["a", "b", "c"], ["c"]).bins
    whole = count(bins, rows)
    assert same(count(bins, rows[:cut]).merged(count(bins, rows[cut:])), whole)
    assert same(count_chunks(bins, [rows[:cut], rows[cut:cut], rows[cut:]]), whole)
    assert same(reference_profile(rows, ["a", "b", "c"], ["c"]), whole)


@settings(deadline=None)
@given(tables())
def test_a_profile_survives_json_exactly(rows: np.ndarray) -> None:
    profile = reference_profile(rows, ["a", "b", "c"], ["c"])
    again = Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False)))
    assert again.names == profile.names
    for mine, theirs in zip(profile.columns, again.columns, strict=True):
        assert mine.bins.cuts.tobytes() == theirs.bins.cuts.tobytes()
        assert mine.bins.is_category == theirs.bins.is_category
        assert mine.moments == theirs.moments
        assert (mine.counts.tolist(), mine.sums.tolist()) == (
            theirs.counts.tolist(),
            theirs.sums.tolist(),
        )


def test_a_continuous_column_gets_bins_of_equal_share() -> None:
    values = np.random.default_rng(1).normal(size=(100_000, 1)).astype(np.float32)
    column = reference_profile(values, ["a"]).columns[0]
    assert len(column.bins) == MOST_BINS
    inner = column.counts[1:-1] / column.known
    assert inner.max() < 1.05 / (MOST_BINS - 2)
    assert column.counts[0] == column.counts[-1] == 0, "the reference lies between the outer cuts"


def test_no_column_gets_more_than_the_most_bins() -> None:
    rng = np.random.default_rng(2)
    atoms = np.where(rng.random(50_000) < 0.6, rng.integers(0, 60, 50_000), rng.normal(size=50_000))
    many_codes = rng.integers(0, 1000, 50_000)
    rows = np.column_stack([atoms, many_codes]).astype(np.float32)
    profile = reference_profile(rows, ["atoms", "codes"], ["codes"])
    assert all(len(each) <= MOST_BINS for each in profile.bins)


def test_a_value_that_many_rows_hold_has_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random(20_000) < 0.3, 0.0, rng.normal(size=20_000)).astype(np.float32)
    column = reference_profile(values[:, np.newaxis], ["a"]).columns[0]
    assert (column.counts == (values == 0).sum()).any()


def test_each_of_few_values_has_a_bin_and_what_lies_between_has_another() -> None:
    column = reference_profile(np.array([[0.0], [1.0], [1.0]], np.float32), ["a"]).columns[0]
    between = np.array([[-1], [0], [0.5], [1], [2], [math.nan]], np.float32)
    assert count([column.bins], between).columns[0].counts.tolist() == [1, 1, 1, 1, 1]


def test_a_code_that_training_never_saw_is_told_from_rare_ones() -> None:
    reference = np.repeat(np.arange(300, dtype=np.float32), np.arange(300, 0, -1))
    bins = reference_profile(reference[:, np.newaxis], ["kind"], ["kind"]).bins
    counted = count(bins, np.array([[-1], [0], [299]], np.float32)).columns[0]
    assert bins[0].cuts[:2].tolist() == [-1, 0]
    assert counted.counts[[0, 1, -1]].tolist() == [1, 1, 1]


def test_infinite_values_count_as_missing() -> None:
    column = reference_profile(np.array([[1], [math.inf], [-math.inf]], np.float32), ["a"])
    assert (column.columns[0].missing, column.columns[0].known) == (2, 1)
    assert column.columns[0].missing_share == pytest.approx(2 / 3)


def test_histograms_with_other_cuts_are_not_added() -> None:
    one, other = (reference_profile(np.array([[v]], np.float32), ["a"]) for v in (1, 2))
    with pytest.raises(ValueError, match="cut differently"):
        one.merged(other)


def test_rows_must_fit_the_names_and_the_bins() -> None:
    rows = np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match="2 columns, 1 names"):
        reference_profile(rows, ["a"])
    with pytest.raises(ValueError, match="2 columns, bins of 1"):
        count(reference_profile(rows[:, :1], ["a"]).bins, rows)


def test_counting_holds_only_a_chunk_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "CHUNK_ROWS", 7)
    rows = np.random.default_rng(4).normal(size=(100, 3)).astype(np.float32)
    profile = reference_profile(rows, ["a", "b", "c"])
    assert same(count(profile.bins, rows), profile)
