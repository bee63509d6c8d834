"""The fold gives what the definition says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features import fold, matrix
from runlore.features.declaration import LARGEST, HistoryFeatures
from tests.features.logs import Row, fact, frame, histories, logs
from tests.oracles import features as oracle

HALF_LIVES_S = (600.0, 86_400.0)
GAPS_S = (0, 1, 30, 290, 310, 965, 3600)


def assert_as_defined(facts: list[Row], history: HistoryFeatures) -> None:
    expected = oracle.history_features(facts, history)
    rows, _ = matrix.fold_history(matrix.prepare(frame(facts)), history)
    wanted = np.array([[row[name] for name in history.columns] for row in expected])
    wanted = wanted.reshape(len(expected), len(history.columns))[:, history.chosen]
    scale = np.array([_scale(facts, name) for name in history.columns])[list(history.chosen)]
    for i, (row, want) in enumerate(zip(rows, wanted, strict=True)):
        np.testing.assert_array_equal(np.isnan(row), np.isnan(want), err_msg=f"row {i}")
        wrong = np.abs(row - want) > 3e-7 * np.abs(want) + 1e-7 * scale
        told = dict(zip(history.feature_names, zip(row, want, strict=True), strict=True))
        assert not wrong[~np.isnan(want)].any(), (i, told)


def _scale(facts: list[Row], column: str) -> float:
    """How large the values behind a mean or spread are: rounding grows with them."""
    for value in ("failed", "log_duration", "duration_s", "wait_s", "outcome.cost"):
        if column.startswith(f"{value}_"):
            told = [abs(oracle.measured(f, value)) for f in facts]
            return max((x for x in told if not np.isnan(x)), default=1.0) + 1e-9
    return 1e-6


@given(logs(), histories(HALF_LIVES_S))
@settings(max_examples=120)
def test_features_are_as_defined_for_any_order_of_facts(facts, history):
    assert_as_defined(facts, history)


@given(logs(delays_s=GAPS_S, most_facts=1), st.sampled_from([(), ("actor",)]))
@settings(max_examples=40)
def test_features_are_as_defined_however_fast_the_past_fades(facts, keys):
    assert_as_defined(facts, HistoryFeatures(keys, ("failed", "duration_s"), (1.0, 10.0)))


@given(logs(delays_s=GAPS_S), st.sampled_from([(), ("actor",)]))
@settings(max_examples=40)
def test_corrections_are_as_defined_however_fast_the_past_fades(facts, keys):
    assert_as_defined(facts, HistoryFeatures(keys, ("failed",), (1.0, 10.0)))


BY_ACTOR = HistoryFeatures(("actor",), ("duration_s", "failed"), (3600.0,))


def done(name: str, submitted_s: float, known_s: float, seconds: float | None = None, **told):
    if seconds is not None:
        told |= {"started_s": submitted_s, "finished_s": submitted_s + seconds}
    return fact(name, submitted_s, known_s=known_s, **{"status": "succeeded", **told})


def last_row(facts: list[Row], history: HistoryFeatures = BY_ACTOR) -> dict[str, float]:
    rows, _ = matrix.fold_history(matrix.prepare(frame(facts)), history)
    return dict(zip(history.feature_names, map(float, rows[-1]), strict=True))


def test_an_outcome_known_at_the_instant_of_a_submission_counts_for_it():
    row = last_row([done("a", 0, 50, 10), fact("b", 50)])
    assert (row["actor.in_flight"], row["actor.duration_s_last"]) == (0, 10)


def test_an_outcome_known_a_microsecond_later_does_not_count():
    row = last_row([done("a", 0, 50.000001, 10), fact("b", 50)])
    assert row["actor.in_flight"] == 1
    assert np.isnan(row["actor.duration_s_last"])


def test_work_known_at_its_own_submission_counts_for_the_next_at_that_instant_only():
    facts = [done("a", 50, 50, 0), done("b", 50, 50, 0)]
    rows, _ = matrix.fold_history(matrix.prepare(frame(facts)), BY_ACTOR)
    assert rows[:, 0].tolist() == [0, 0]
    assert np.isnan(rows[0, 1])
    assert rows[1, 1] == 0


def test_a_correction_weighs_as_much_as_the_first_report_would_by_now():
    corrected = [
        done("a", 0, 10, 40),
        done("b", 20, 3610, 20),
        done("a", 0, 7210, 10, revision=1),
        fact("z", 7210),
    ]
    row = last_row(corrected)
    assert row["actor.duration_s_mean_1h"] == pytest.approx((0.25 * 10 + 0.5 * 20) / 0.75)


def test_an_outcome_that_came_before_its_submission_counts_from_the_submission_on():
    early = [done("a", 100, 0, 40), done("a", 100, 3700, 10, revision=1), done("b", 0, 100, 20)]
    row = last_row([*early, fact("z", 3700)])
    assert row["actor.duration_s_mean_1h"] == pytest.approx(15)


def test_a_withdrawn_value_leaves_the_one_before_as_the_mean_of_the_last_two():
    facts = [done("a", 0, 10, 7), done("b", 0, 20, 5), done("b", 0, 30, None, revision=1)]
    row = last_row([*facts, fact("z", 40)])
    assert np.isnan(row["actor.duration_s_last"])
    assert row["actor.duration_s_last2_mean"] == 7
    assert row["actor.duration_s_mean_1h"] == 7


def test_a_value_told_only_by_a_correction_counts_but_is_not_the_last():
    facts = [done("a", 0, 10), done("b", 0, 20, 5), done("a", 0, 30, 9, revision=1)]
    row = last_row([*facts, fact("z", 40)])
    assert row["actor.duration_s_last"] == 5
    assert row["actor.duration_s_mean_1h"] == pytest.approx(7, rel=1e-2)


def test_work_that_runs_again_after_its_outcome_keeps_the_outcome():
    facts = [done("a", 0, 10, 7), fact("a", 0, known_s=20, status="running", revision=1)]
    row = last_row([*facts, fact("z", 40)])
    assert (row["actor.in_flight"], row["actor.duration_s_last"]) == (0, 7)


def test_equal_values_have_no_spread_however_large_they_are():
    facts = [done(f"e{i}", i, 10 + i, 1e6 / 3) for i in range(50)]
    row = last_row([*facts, fact("z", 100)])
    assert row["actor.duration_s_sd_1h"] == 0


def test_the_correction_of_the_only_value_leaves_the_new_value_and_no_spread():
    facts = [done("a", 0, 10, 1e6 / 3)]
    facts += [done(f"b{i}", 0, 11 + 77.7 * i, None) for i in range(30)]
    row = last_row([*facts, done("a", 0, 3333, 0.1, revision=1), fact("z", 4000)])
    assert row["actor.duration_s_mean_1h"] == np.float32(0.1)
    assert row["actor.duration_s_sd_1h"] == 0


def test_a_spread_is_a_number_however_little_the_past_weighs():
    """Rounding may put a mean beyond the value that draws it."""
    rng, half_lives_us = np.random.default_rng(2), np.array([1e6])
    out = np.empty(fold.feature_count(1, 1))
    for _ in range(2000):
        state = fold.empty_state(1, 1)
        for at_us in (0, int(rng.integers(20e6, 60e6))):
            fold.finish(state, at_us, 1, rng.normal(5, 2, 1), half_lives_us)
        fold.read(state, 60_000_000, half_lives_us, 1, out)
        assert out[-1] >= 0


def test_what_is_left_of_a_withdrawn_value_is_nothing():
    facts = [done("a", 0, 10, 7), done("a", 0, 1234, None, revision=1), fact("z", 2000)]
    row = last_row(facts)
    assert row["actor.duration_s_count_1h"] == 0
    assert np.isnan(row["actor.duration_s_mean_1h"])


def test_what_a_withdrawn_value_outweighed_a_million_times_goes_with_it():
    """It could only come out as what rounding left of the difference of two large numbers."""
    hours = 21 * 3600
    facts = [done("a", 0, 10, 7), done("b", 0, hours, 1e5), done("b", 0, hours, None, revision=1)]
    assert np.isnan(last_row([*facts, fact("z", hours + 1)])["actor.duration_s_mean_1h"])


def test_a_mean_is_known_until_what_it_is_made_of_weighs_nothing():
    def mean(hours: int) -> float:
        facts = [done("a", 0, 10, 7), done("b", 0, hours * 3600, None)]
        return last_row([*facts, fact("z", hours * 3600)])["actor.duration_s_mean_1h"]

    assert mean(960) == 7
    assert np.isnan(mean(965))


def test_values_too_large_for_a_feature_are_the_largest_that_fit():
    history = HistoryFeatures(("actor",), ("outcome.cost",), (3600.0,))
    facts = [done(f"e{i}", i, 10, outcome={"cost": 10**400}) for i in range(2)]
    facts += [done("f", 3, 10, outcome={"cost": -(10**400)})]
    row = last_row([*facts, fact("z", 20)], history)
    assert row["actor.outcome.cost_last"] == -float(np.float32(LARGEST))
    assert all(np.isfinite(value) for value in row.values())


def test_an_event_that_comes_too_late_is_taken_as_if_it_had_happened_just_now():
    half_lives_us, told = np.array([1e6]), np.array([3.0])
    state = fold.empty_state(1, 1)
    fold.submit(state, 10_000_000, half_lives_us)
    fold.finish(state, 20_000_000, 1, told, half_lives_us)
    fold.submit(state, 5_000_000, half_lives_us)
    fold.finish(state, 5_000_000, 2, told, half_lives_us)
    out = np.empty(fold.feature_count(1, 1))
    fold.read(state, 1_000_000, half_lives_us, 1, out)
    assert out.tolist() == [0, 0, 0, 2, 3, 3, 2, 3, 0]


def test_a_log_without_executions_has_no_rows():
    rows, states = matrix.fold_history(matrix.prepare(frame([])), BY_ACTOR)
    assert rows.shape == (0, len(BY_ACTOR.feature_names))
    assert states.states.shape[0] == 0
