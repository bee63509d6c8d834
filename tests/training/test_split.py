from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.backtest.rules.version import taken
from runlore.kernel.errors import Refused
from runlore.specs.model_spec import Split
from runlore.training.rules import split as splitting
from runlore.training.rules.split import divide
from tests.training.small import HOUR_US, RISK, make

DATA = make(RISK, 600)
AT_ONCE = replace(DATA, known_us=DATA.as_of_us)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    longest_h=st.integers(1, 300),
    gap_h=st.integers(0, 48),
    share=st.floats(0.1, 0.5),
)
def test_nothing_teaches_that_was_not_known_before_what_it_is_tested_on(
    seed, longest_h, gap_h, share
):
    lags = np.random.default_rng(seed).integers(0, longest_h, len(DATA))
    data = replace(DATA, known_us=DATA.as_of_us + lags * HOUR_US)
    spec = replace(RISK, split=Split(gap_s=gap_h * 3600.0, test_share=share, least_rows=10))
    found = divide(spec, data)
    for train, later in [(found.train, found.test), *((f.train, f.valid) for f in found.folds)]:
        start = data.as_of_us[later].min()
        assert (data.as_of_us[train] < start).all()
        assert (data.known_us[train] < start - gap_h * HOUR_US).all()
    assert (data.known_us[found.valid] < found.cut_us - gap_h * HOUR_US).all()


def test_the_test_part_is_the_newest_share_and_no_row_is_left_out(split):
    found = divide(split(test_share=0.25), AT_ONCE)
    assert found.test.tolist() == list(range(450, 600))


def test_the_test_part_is_bounded_where_that_is_asked_for(split):
    assert divide(split(test_share=0.25, most_test_rows=40), AT_ONCE).test.tolist() == list(
        range(560, 600)
    )
    assert len(divide(split(test_share=0.25, most_test_rows=10_000), AT_ONCE).test) == 150


def test_a_successor_learns_from_all_but_the_newest_rows(split):
    spec = split(test_share=0.3, retest_rows=170)
    found = divide(spec.succeeding(), AT_ONCE)
    assert found.test.tolist() == list(range(430, 600))
    assert len(divide(spec, AT_ONCE).test) == 180
    assert [gate.against for gate in spec.succeeding().gates] == [
        "baseline's value" if gate.against == "baseline" else gate.against for gate in spec.gates
    ]
    assert "baseline" in [gate.against for gate in spec.gates]
    assert spec.succeeding().succeeding() == spec.succeeding()


@pytest.mark.parametrize(
    ("hours", "held_back"), [(1, 7 * 24 + 1), (0.9, 188), (0.5, 300), (0.1, 300), (6, 100)]
)
def test_a_successor_is_tested_on_a_week_at_least_but_never_on_more_than_half(
    split, hours: float, held_back: int
):
    spec = split(test_share=0.3, retest_rows=100)
    as_of_us = (np.arange(600) * hours * HOUR_US).astype(np.int64)
    data = replace(DATA, as_of_us=as_of_us, known_us=as_of_us + 1)
    found = divide(spec.succeeding(), data)
    assert len(found.test) == held_back
    assert len(divide(spec, data).test) == 180


def test_work_too_young_for_nine_in_ten_outcomes_is_not_tested(split):
    """Every fifth takes two days: of the last two days' work only the quick is finished."""
    lags = np.where(np.arange(600) % 5 == 0, 48, 1) * HOUR_US
    every = replace(DATA, known_us=DATA.as_of_us + lags)
    now_us = int(DATA.as_of_us[-1])
    data = taken(every, np.flatnonzero(every.known_us <= now_us))
    found = divide(split(test_share=0.25), data)
    assert data.as_of_us[found.test].max() == now_us - 48 * HOUR_US
    assert len(found.test) == pytest.approx(0.25 * (600 - 48), abs=1)
    assert set(found.test).isdisjoint(found.train)
    slow = np.isin(data.as_of_us[found.test], every.as_of_us[lags > HOUR_US])
    assert slow.mean() == pytest.approx(0.2, abs=0.01)


def test_folds_follow_each_other_and_cover_the_later_part_once():
    found = divide(RISK, DATA)
    assert len(found.folds) == 3
    assert (np.diff(found.valid) > 0).all()
    assert found.valid[-1] == found.train[-1]
    assert len(found.folds[0].train) < len(found.folds[2].train)


def test_only_the_newest_rows_teach(split):
    every, newest = divide(split(), DATA), divide(split(max_rows=100), DATA)
    assert newest.train.tolist() == every.train[-100:].tolist()
    assert all(len(fold.train) <= 100 for fold in newest.folds)


def test_too_few_executions_are_refused_with_both_numbers():
    with pytest.raises(Refused, match="needs at least 200 finished executions, found 37"):
        divide(RISK, make(RISK, 37))


def test_too_few_known_outcomes_are_refused_with_the_remedy(split):
    late = replace(DATA, known_us=DATA.as_of_us + 10_000 * HOUR_US)
    with pytest.raises(Refused, match=r"only 0 of 600 outcomes were known .* shorten `gap_s`"):
        divide(split(), late)


def test_outcomes_that_are_all_alike_are_refused(split):
    with pytest.raises(Refused, match=r"all .* ended with failed = 0"):
        divide(split(), replace(DATA, target=np.zeros(600)))


def test_a_fold_whose_earlier_outcomes_are_all_alike_is_left_out():
    known = divide(RISK, DATA).folds
    target = DATA.target.copy()
    target[: known[0].valid[0]] = 0.0
    assert len(divide(RISK, replace(DATA, target=target)).folds) == 2


def test_folds_learn_from_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(splitting, "FOLD_ROWS", 50)
    found = divide(RISK, DATA)
    assert {len(fold.train) for fold in found.folds} == {50}
    assert len(found.train) > 300
