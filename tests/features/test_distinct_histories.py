"""A plan holds no history that tells nothing new about a log."""

import numpy as np
import pytest
from hypothesis import given, settings

from runlore.features import distinct_histories, matrix
from runlore.features.declaration import HistoryFeatures
from tests.features.logs import HISTORIES, Row, fact, frame, logs

VALUES = ("failed", "log_duration")
BY_ACTOR = HistoryFeatures(("actor",), VALUES)
BY_KIND = HistoryFeatures(("kind",), VALUES)
BY_SCOPE = HistoryFeatures(("scope",), VALUES)
OF_ALL = HistoryFeatures((), VALUES)


def run(number: int, *, seconds: float = 5, **parts: str) -> Row:
    status = "failed" if number % 3 == 0 else "succeeded"
    ended = number * 100 + seconds
    known = {"started_s": number * 100, "finished_s": ended, "known_s": ended}
    return fact(str(number), number * 100, status=status, **known, **parts)


def chosen(facts: list[Row], *histories: HistoryFeatures, training: int | None = None, **named):
    log = matrix.prepare(frame(facts))
    is_training = np.arange(len(log.executions)) < (training or len(log.executions))
    return distinct_histories.choose(histories, log, is_training, **named)


def varied(number: int, **parts: str) -> Row:
    return run(number, seconds=1 + number, **parts)


def test_one_kind_and_one_scope_are_the_same_as_all_work():
    facts = [varied(i, actor=f"u{i % 2}", kind="build", scope="linux") for i in range(6)]
    assert chosen(facts, BY_ACTOR, BY_KIND, BY_SCOPE, OF_ALL) == (BY_ACTOR, BY_KIND)


def test_two_kinds_are_not_the_same_as_all_work():
    facts = [varied(i, kind=f"k{i % 2}") for i in range(6)]
    assert chosen(facts, BY_KIND, OF_ALL) == (BY_KIND, OF_ALL)


def test_a_second_kind_that_comes_after_training_shapes_nothing():
    facts = [varied(i, kind="build" if i < 6 else "test") for i in range(9)]
    assert chosen(facts, BY_KIND, OF_ALL, training=6) == (BY_KIND,)
    assert chosen(facts, BY_KIND, OF_ALL, training=7) == (BY_KIND, OF_ALL)


def test_of_like_histories_the_one_with_more_values_stays():
    facts = [varied(i, actor="ann", kind="build") for i in range(6)]
    wide = HistoryFeatures(("kind",), (*VALUES, "duration_s"))
    assert chosen(facts, BY_ACTOR, wide) == (wide,)


def test_like_histories_of_other_values_both_stay():
    facts = [varied(i, actor="ann", kind="build") for i in range(6)]
    seconds = HistoryFeatures(("kind",), ("failed", "duration_s"))
    assert chosen(facts, BY_ACTOR, seconds) == (BY_ACTOR, seconds)


def test_like_histories_with_other_windows_both_stay():
    facts = [varied(i, actor="ann") for i in range(6)]
    recent = HistoryFeatures((), VALUES, last=(5,))
    assert chosen(facts, BY_ACTOR, recent) == (BY_ACTOR, recent)


def test_the_history_of_the_baseline_stays_and_its_likes_go():
    facts = [varied(i, actor="ann") for i in range(6)]
    assert chosen(facts, BY_KIND, BY_ACTOR, baselines=["actor.failed_mean_30d"]) == (BY_ACTOR,)


def test_a_key_that_no_two_executions_share_is_left_out_unless_the_baseline_reads_it():
    facts = [varied(i, actor=f"u{i}") for i in range(6)]
    assert chosen(facts, OF_ALL, BY_ACTOR) == (OF_ALL,)
    assert BY_ACTOR in chosen(facts, OF_ALL, BY_ACTOR, baselines=["actor.failed_last"])


@pytest.mark.parametrize("seconds", [0, 5])
def test_a_value_that_never_varies_is_left_out(seconds):
    facts = [run(i, seconds=seconds, actor=f"u{i % 2}") for i in range(6)]
    (history,) = chosen(facts, BY_ACTOR)
    assert history.values == ("failed",)


def test_a_constant_value_that_the_baseline_reads_stays():
    facts = [run(i, actor=f"u{i % 2}") for i in range(6)]
    assert chosen(facts, BY_ACTOR, baselines=["actor.log_duration_last"]) == (BY_ACTOR,)


def test_a_log_without_training_executions_leaves_all():
    log = matrix.prepare(frame([]))
    none = np.zeros(0, dtype=bool)
    assert distinct_histories.choose([BY_ACTOR, OF_ALL], log, none) == (BY_ACTOR, OF_ALL)


@given(logs())
@settings(max_examples=40)
def test_columns_that_are_left_out_are_constant_or_stand_in_another_history(facts):
    """Columns of a dropped history equal, bit for bit, those of one that stays."""
    log = matrix.prepare(frame(facts))
    everything = np.ones(len(log.executions), dtype=bool)
    declared = [HistoryFeatures(keys, ("failed",), (600.0,), last=(5,)) for keys in HISTORIES]
    stays = distinct_histories.choose(declared, log, everything)
    columns = {matrix.fold_history(log, history)[0].tobytes() for history in stays}
    for history in declared:
        rows, states = matrix.fold_history(log, history)
        is_unshared = len(states.keyed) == len(log.executions)
        assert is_unshared or rows.tobytes() in columns
