"""A window against a reference, by the real features of a real log."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from runlore.features import matrix
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.executions import read_facts
from runlore.monitoring.actions import counting, reference
from runlore.monitoring.actions.examining import Examiner, WindowComparison, examine
from runlore.monitoring.actions.reference import Champion, Reference
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.specs.catalog.duration import SPEC
from runlore.specs.model_spec import DriftPolicy
from runlore.store.engine import Store
from runlore.training.actions.targets import target_of
from tests.log.logged_work import Work, add, day

FEATURES = FeatureSet(
    histories=(HistoryFeatures(("actor",), ("failed", "log_duration", "duration_s"), (DAY_S,)),)
)
CHANGED = replace(SPEC, features=FEATURES, drift=DriftPolicy(drifted_share=0.3, report_rows=50))
WEEK_S = 7 * DAY_S


def formula(rows: np.ndarray) -> np.ndarray:
    """A model's stand-in: answers with the first feature, an input."""
    return np.nan_to_num(rows[:, 0].astype(np.float64), nan=-1.0)


def champion(store: Store, until: float = 28, *, is_kept: bool = True) -> Champion:
    """A version that learned from what was submitted until a day."""
    log = matrix.prepare(read_facts(store))
    taught = log.as_of_us <= to_us(day(until))
    plan = matrix.resolve(FEATURES, log, taught)
    rows, _ = matrix.extract(log, plan)
    kept = reference.make(
        rows[taught],
        plan.names,
        [each.name for each in plan.categories],
        formula(rows[taught]),
        target_of(log, CHANGED)[taught],
    )
    return Champion("1", plan, formula, kept if is_kept else None, (0, to_us(day(until))))


def examined(
    store: Store, known: Champion, end: float = 35, length_s: float = WEEK_S
) -> WindowComparison:
    asked, _ = time_slices.newest(store, CHANGED, day(end), length_s)
    return examine(store, known, CHANGED, asked, day(end))


def drifted(finding: WindowComparison) -> set[str]:
    return {column.name for column in finding.verdict.drifted}


def test_a_week_like_the_ones_before_is_no_drift(store: Store) -> None:
    add(store, Work(6600, 0, 77))
    finding = examined(store, champion(store, 70), 77)
    assert finding.verdict.answer == "no drift"
    assert finding.verdict.drifted_share < 0.2
    assert (finding.verdict.rows_reference, finding.verdict.rows_current) == (6000, 600)
    assert finding.note == ""
    assert {c.name for c in finding.verdict.columns} >= {"inputs.size", "actor", PREDICTION, "hour"}


def test_a_slow_feature_counts_only_beyond_what_weeks_of_the_training_reach(store: Store) -> None:
    add(store, Work(6600, 0, 77))
    finding = examined(store, champion(store, 70), 77)
    psi = {column.name: column.psi for column in finding.verdict.columns}
    slow, fast = psi["actor.submissions_1d"], psi["inputs.size"]
    assert fast.threshold == CHANGED.drift.psi
    assert slow.threshold > CHANGED.drift.psi


def test_too_short_a_training_to_know_what_is_usual_is_said(store: Store) -> None:
    add(store, Work(2000, 0, 21))
    finding = examined(store, champion(store, 14), 21)
    assert "the training holds too few of them" in finding.note


def test_a_week_of_other_work_is_a_drift_that_names_what_changed(store: Store) -> None:
    add(store, Work(3200, 0, 28), Work(800, 28, 7, size=8, minutes=300, kinds=("new",)))
    finding = examined(store, champion(store))
    assert finding.verdict.answer == "drift"
    assert drifted(finding) >= {"inputs.size", "kind", PREDICTION, "actor.log_duration_mean_1d"}
    assert "actor" not in drifted(finding)
    told = "; ".join(finding.verdict.reasons)
    assert "kind: values unknown in training 0% → 100%" in told


def test_samples_are_bounded_and_say_of_how_many(store: Store) -> None:
    add(store, Work(3200, 0, 28), Work(800, 28, 7))
    drawn = examined(store, champion(store)).drawn
    assert drawn is not None
    assert (len(drawn.current.values), drawn.current.of) == (50, 800)
    assert (len(drawn.reference.values), drawn.reference.of) == (50, 3200)
    assert drawn.names[-1] == PREDICTION
    assert (drawn.current.values[:, -1] == formula(drawn.current.values)).all()
    assert drawn.current.at_us is not None
    assert (np.diff(drawn.current.at_us) > 0).all()


def test_the_verdict_is_the_same_however_few_rows_are_drawn(store: Store) -> None:
    add(store, Work(3200, 0, 28), Work(800, 28, 7, size=3))
    known, asked = champion(store), time_slices.ending(day(35), WEEK_S)
    more = replace(CHANGED, drift=DriftPolicy(drifted_share=0.3, report_rows=700))
    few = examine(store, known, CHANGED, asked, day(35)).verdict
    assert examine(store, known, more, asked, day(35)).verdict == few


def test_the_window_is_counted_in_chunks_without_a_difference(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, Work(3200, 0, 28), Work(800, 28, 7, size=3))
    known = champion(store)
    whole = examined(store, known).verdict
    with store.begin() as connection:
        connection.execute(text("TRUNCATE runlore.drift_slices CASCADE"))
    monkeypatch.setattr(counting, "CHUNK_ROWS", 17)
    chunked = examined(store, known).verdict
    assert [c.name for c in chunked.columns] == [c.name for c in whole.columns]
    for mine, theirs in zip(chunked.columns, whole.columns, strict=True):
        assert mine.psi == theirs.psi


def test_too_few_executions_are_not_enough_data_never_no_drift(store: Store) -> None:
    add(store, Work(3200, 0, 28), Work(99, 28, 7, size=50))
    finding = examined(store, champion(store))
    assert finding.verdict.answer == "not enough data"
    assert finding.drawn is None
    assert finding.verdict.reasons == ("the window holds 99 rows; a verdict needs 100",)


def test_too_small_a_reference_is_not_enough_data(store: Store) -> None:
    add(store, Work(60, 0, 28), Work(500, 28, 7))
    finding = examined(store, champion(store))
    assert finding.verdict.answer == "not enough data"
    assert finding.drawn is None


def test_a_window_of_some_days_leaves_the_days_of_the_week_out_and_says_so(store: Store) -> None:
    add(store, Work(4000, 0, 35))
    finding = examined(store, champion(store), length_s=2 * DAY_S)
    names = {column.name for column in finding.verdict.columns}
    assert "hour" in names
    assert names.isdisjoint({"weekday", "hour_of_week"})
    assert "weekday, hour_of_week" in finding.note


def test_without_a_kept_reference_the_training_rows_are_read_from_the_log(store: Store) -> None:
    add(store, Work(3200, 0, 28), Work(800, 28, 7, size=8, kinds=("new",)))
    kept = examined(store, champion(store)).verdict
    recalled = examined(store, champion(store, is_kept=False))
    assert "without a reference" in recalled.note
    by_name = {column.name: column for column in kept.columns}
    assert {c.name for c in recalled.verdict.columns} == set(by_name) - {PREDICTION, LABEL}
    for column in recalled.verdict.columns:
        assert column.measures == by_name[column.name].measures


def test_later_corrections_of_the_log_change_no_feature_of_the_window(store: Store) -> None:
    add(store, Work(4000, 0, 35))
    known = champion(store)
    before = examined(store, known).verdict
    add(store, Work(4000, 0, 35, failing=0.9, minutes=0.001))
    assert examined(store, known).verdict == before


def same(one: Reference, other: Reference) -> bool:
    return (
        one.profile.to_json() == other.profile.to_json()
        and one.sample.of == other.sample.of
        and np.array_equal(one.sample.values, other.sample.values, equal_nan=True)
    )


def test_a_kept_reference_is_found_again(store: Store, tmp_path: Path) -> None:
    add(store, Work(3200, 0, 28))
    known = champion(store).reference
    assert known is not None
    assert reference.find(tmp_path) is None
    reference.keep(tmp_path, known)
    found = reference.find(tmp_path)
    assert found is not None
    assert same(found, known)


def test_a_reference_keeps_all_rows_as_counts_and_a_bounded_sample() -> None:
    rows = np.random.default_rng(1).normal(size=(50_000, 2)).astype(np.float32)
    predictions = np.full(50_000, np.nan)
    predictions[:1000] = 0.5
    made = reference.make(rows, ["a", "b"], [], predictions)
    assert made.profile.rows == 50_000
    assert made.sample.values.shape == (reference.MOST_ROWS, 3)
    told = made.profile.columns[-1]
    assert (told.name, told.known, told.missing) == (PREDICTION, 1000, 0)
    assert reference.make(rows, ["a", "b"], [], np.full(50_000, np.nan)).names == ("a", "b")


def test_one_who_judges_many_windows_reads_the_log_again_only_for_new_facts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, Work(3200, 0, 28), Work(1600, 28, 14))
    known, times = champion(store), 0
    read = counting.VersionLog.read

    def counted(*arguments: object) -> counting.VersionLog:
        nonlocal times
        times += 1
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(counting.VersionLog, "read", counted)
    examiner = Examiner(store, known, CHANGED, WEEK_S)
    for end in (35, 42):
        found = examiner.examine(time_slices.ending(day(end), WEEK_S), day(end))
        assert found.verdict.rows_current == 800
    assert times == 1
    add(store, Work(50, 40, 1, source="late"))
    found = examiner.examine(time_slices.ending(day(42), WEEK_S), day(43))
    assert (found.verdict.rows_current, times) == (850, 2)
