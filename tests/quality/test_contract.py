"""What a contract remembers, against slow ways to find the same."""

import json
from collections.abc import Sized
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.features.log import prepare
from runlore.quality.rules import rhythm
from runlore.quality.rules.batch import gather
from runlore.quality.rules.column import learn
from runlore.quality.rules.contract import Contract
from runlore.quality.rules.portrait import beyond, signal
from runlore.quality.rules.verdict import QualityFinding, QualityVerdict
from runlore.records.execution import NO_INSTANT
from tests.quality.batches import DAY_US, check, contract_of, part, renamed, shifted, simulated

HOUR_US = 3_600_000_000


def test_a_contract_is_read_as_it_was_written() -> None:
    contract = contract_of(part(simulated(seed=3, executions=2000)).taught)
    assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_a_verdict_is_read_as_it_was_written() -> None:
    verdict = QualityVerdict(7, (QualityFinding("nulls", "inputs.size", 0.5, 0.1, "why"),), "note")
    assert QualityVerdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
    assert verdict.reasons == ("nulls: why",)


@given(st.integers(0, 400 * 60), st.integers(1, 400 * 60))
def test_hours_of_the_week_are_covered_minute_by_minute(start: int, minutes: int) -> None:
    found = rhythm.coverage(start * 60_000_000, (start + minutes) * 60_000_000)
    every = np.arange(start, start + minutes)
    hours = (every // 60 + rhythm.MONDAY_HOURS) % rhythm.WEEK_HOURS
    assert found == pytest.approx(np.bincount(hours, minlength=rhythm.WEEK_HOURS) / 60, abs=1e-6)


def test_the_rhythm_expects_what_it_was_learned_from() -> None:
    rng = np.random.default_rng(0)
    submitted = np.sort(rng.integers(0, 28 * 24 * HOUR_US, 5_000))
    pace = rhythm.learn(submitted)
    assert rhythm.expected(pace, int(submitted[0]), int(submitted[-1])) == pytest.approx(
        5_000, 1e-3
    )


@pytest.mark.parametrize("hours", [-7, -3, 4, 9])
def test_a_moved_day_is_found(hours: int) -> None:
    rng = np.random.default_rng(1)
    days = rng.integers(0, 28, 8_000) * 24
    submitted = np.sort(((days + rng.normal(12, 2, 8_000)) * HOUR_US).astype(np.int64))
    pace = rhythm.learn(submitted)
    assert rhythm.shift(pace, submitted).hours == 0
    found = rhythm.shift(pace, submitted + hours * HOUR_US)
    assert found.hours == hours
    assert found.gain > 0.3


@given(st.lists(st.integers(-5, 5), min_size=20, max_size=200), st.data())
def test_the_distance_of_numbers_is_the_largest_gap_of_their_distributions(
    values: list[int], data: st.DataObject
) -> None:
    other = data.draw(st.lists(st.integers(-5, 5), min_size=5, max_size=50))
    column = learn("x", pd.Series(values, dtype=float), one_window(values))
    assert column is not None
    gaps = [
        abs(np.mean([v <= at for v in values]) - np.mean([v <= at for v in other]))
        for at in set(values)
    ]
    assert column.distance(pd.Series(other, dtype=float)) == pytest.approx(max(gaps))


def test_the_distance_of_words_counts_those_that_are_new() -> None:
    column = learn("x", pd.Series(["a", "a", "b", "b"], dtype=object), one_window("aabb"))
    assert column is not None
    assert column.distance(pd.Series(["a", "b", "a", "b"], dtype=object)) == 0
    assert column.distance(pd.Series(["c", "d"], dtype=object)) == 1
    assert column.distance(pd.Series(["a", "b", "c", "c"], dtype=object)) == 0.5


def test_a_column_that_hardly_speaks_is_not_in_the_contract() -> None:
    told = pd.Series([None] * 99 + [1.0], dtype=object)
    assert learn("x", told, one_window(told)) is None


@pytest.mark.parametrize("years", [0.5, 8, 50])
def test_a_row_of_long_ago_hides_neither_silence_nor_age(years: float) -> None:
    parted = part(simulated(seed=3, executions=6000))
    stray = shifted(renamed(parted.taught.head(1), "stray"), -round(years * 365 * DAY_US))
    taught = pd.concat([stray, parted.taught], ignore_index=True)
    taught["seq"] = np.arange(1, len(taught) + 1)
    told = replace(parted, taught=taught, end_us=parted.end_us + 30 * DAY_US)
    found = check(contract_of(taught), told, parted.batch.iloc[::10]).findings
    assert {"volume", "freshness"} <= {each.check for each in found}


def test_values_that_differ_in_their_last_digit_alone_depend_on_nobody() -> None:
    log = prepare(simulated(seed=3, executions=3000))
    batch = gather(log, np.arange(len(log.executions)))
    values = np.full(len(batch), 0.1)
    assert np.isnan(signal(batch, values))
    assert np.isnan(signal(batch, np.nextafter(values, np.arange(len(batch)) % 2)))
    assert not np.isnan(signal(batch, batch.failed))


def test_a_batch_has_the_run_lengths_of_executions_whose_start_is_unknown() -> None:
    facts = simulated(seed=3, executions=500)
    facts = facts.assign(started=NO_INSTANT, outcome='{"duration_s": 71}')
    batch = gather(log := prepare(facts), np.arange(len(log.executions)))
    lengths = batch.table["duration_s"][batch.finished_us != NO_INSTANT]
    assert len(lengths)
    assert (lengths == 71).all()


def one_window(values: Sized) -> np.ndarray:
    return np.zeros(len(values), dtype=np.int64)


def test_what_is_counted_up_has_no_highest_value() -> None:
    """Numbers given to users as they come, beside values that lie as high by chance."""
    rng = np.random.default_rng(2)
    window = np.repeat(np.arange(12), 200)
    newest = np.arange(len(window)) // 8 + 1
    users = pd.Series(rng.integers(1, newest + 1), dtype=float)
    counted = learn("user", users, window)
    assert counted is not None
    assert counted.is_counted_up
    assert beyond(counted, np.array([1.0, 5_000.0, -1.0])).tolist() == [False, False, True]
    others = {
        "by chance": rng.permutation(users),
        "no numbers of things": users + 0.5,
        "of no more users": users.where(window < 3, users % 70),
    }
    for name, values in others.items():
        column = learn(name, pd.Series(values, dtype=float), window)
        assert column is not None
        assert not column.is_counted_up, name
        assert beyond(column, np.array([5_000.0])).tolist() == [True]
    few = learn("user", users, window // 2)
    assert few is not None
    assert not few.is_counted_up
