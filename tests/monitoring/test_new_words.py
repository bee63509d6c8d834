"""Words that training did not know count by themselves, beyond what was usual in training."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.errors import BadInput
from runlore.monitoring.actions import stored_verdict
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.rules import new_words
from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.usual import usual
from runlore.monitoring.rules.verdict import VerdictContext, WindowVerdict, judge
from runlore.specs.model_spec import DriftPolicy
from tests.log.logged_work import day

POLICY, NAMES = DriftPolicy(), ("kind", *(f"size_{at}" for at in range(9)))
IDLE = {"kind": 0.0, "size_0": 1.0}
ROWS = 500


def window(seed: int, codes: dict[int, int]) -> np.ndarray:
    """500 rows with exactly so many of some codes; the others are of three kinds."""
    rng = np.random.default_rng(seed)
    kind = np.arange(ROWS) % 3
    at = 0
    for code, times in codes.items():
        kind[at : at + times], at = code, at + times
    return np.column_stack([kind, rng.normal(size=(ROWS, 9))]).astype(np.float32)


def profiles(weeks: list[dict[int, int]]) -> tuple[Profile, list[Profile]]:
    rows = [window(seed, codes) for seed, codes in enumerate(weeks)]
    reference = reference_profile(np.concatenate(rows), NAMES, ["kind"])
    return reference, [count(reference.bins, week) for week in rows]


def judged(
    unknown: int, weeks: list[dict[int, int]], policy: DriftPolicy = POLICY
) -> WindowVerdict:
    reference, taught = profiles(weeks)
    current = count(reference.bins, window(99, {-1: unknown}))
    return judge(reference, current, policy, VerdictContext({}, IDLE, usual(taught, policy)))


STEADY: list[dict[int, int]] = [{}] * 8


@pytest.mark.parametrize(("unknown", "answer"), [(0, "no drift"), (24, "no drift"), (25, "drift")])
def test_a_twentieth_of_rows_with_unknown_words_is_a_drift_by_itself(unknown, answer) -> None:
    found = judged(unknown, STEADY)
    assert found.answer == answer
    assert ("unknown in training" in found.reasons[0]) is (answer == "drift")


def test_the_reason_has_the_share_of_rows_and_the_column() -> None:
    found = judged(100, STEADY)
    assert "; 20% of the rows hold a value of kind that is unknown in training" in found.reasons[0]
    assert found.reasons[1] == (
        "kind: values unknown in training 0% → 20%"
        " (words unknown in training in 20% of rows, at least 5%)"
    )


def test_the_policy_says_how_many_rows() -> None:
    assert judged(25, STEADY, replace(POLICY, unknown_words=0.1)).answer == "no drift"
    assert judged(50, STEADY, replace(POLICY, unknown_words=0.1)).answer == "drift"
    for share in (0.0, -0.1, 1.1):
        with pytest.raises(BadInput, match="unknown_words"):
            DriftPolicy(unknown_words=share)
    assert DriftPolicy(unknown_words=1.0).unknown_words == 1.0


def test_where_new_words_come_all_the_time_twice_as_many_are_usual() -> None:
    """In the second half each week has a word of its own, in 30 to 50 of its 500 rows."""
    turnover = [{}] * 4 + [{10: 30}, {11: 50}, {12: 40}, {13: 30}]
    _, taught = profiles(turnover)
    assert new_words.usual_shares(taught) == {"kind": pytest.approx(0.2)}
    assert usual(taught, POLICY).columns["kind"].new_words == pytest.approx(0.2)
    assert "unknown in training" not in judged(99, turnover).reasons[0]
    assert "unknown in training" in judged(100, turnover).reasons[0]
    assert new_words.usual_shares(taught[:1]) == {}, "nothing comes after"


def test_a_word_of_the_first_half_is_not_new_in_the_second() -> None:
    _, taught = profiles([{10: 30}, {}, {10: 30}, {10: 60}])
    assert new_words.usual_shares(taught) == {"kind": 0.0}


def test_words_too_rare_for_a_code_or_a_bin_are_always_new() -> None:
    _, rare = profiles([{-1: 50}, {-1: 50}, {-1: 50}, {-1: 75}])
    assert new_words.usual_shares(rare) == {"kind": pytest.approx(0.3)}
    many = [dict.fromkeys(range(100, 400), 1)] * 4
    reference, taught = profiles(many)
    known = [*reference.columns[0].bins.cuts[reference.columns[0].bins.cuts >= 0]]
    unnamed = sum(code not in known for code in range(100, 400))
    assert unnamed > 100
    assert new_words.usual_shares(taught) == {"kind": pytest.approx(2 * unnamed / ROWS)}
    rare = next(code for code in range(100, 400) if code not in known)
    current = count(reference.bins, window(9, {rare: 40}))
    assert new_words.share(reference.columns[0], current.columns[0]) == 0.0, "training knew it"


def test_training_that_held_unknown_words_allows_twice_as_many() -> None:
    reference, _ = profiles([{-1: 50}] * 2)
    plain = VerdictContext({}, IDLE)
    few, many = (count(reference.bins, window(9, {-1: n})) for n in (99, 100))
    assert "unknown in training" not in judge(reference, few, POLICY, plain).reasons[0]
    assert "unknown in training" in judge(reference, many, POLICY, plain).reasons[0]


def test_a_code_that_the_training_rows_did_not_hold_is_a_new_word() -> None:
    reference, _ = profiles(STEADY)
    other = count(reference.bins, window(9, {77: 40}))
    assert new_words.share(reference.columns[0], other.columns[0]) == pytest.approx(0.08)
    large = count(reference.bins, window(9, {}) + np.float32(100))
    assert new_words.share(reference.columns[1], large.columns[1]) == 0.0, "a number has no words"


def test_a_verdict_read_back_from_the_store_is_the_same() -> None:
    found = judged(100, STEADY)
    when = ComparedWindow("risk", "1", day(1), day(8))
    rows = (found.rows_reference, found.rows_current)
    results = stored_verdict.results_of(found)
    read = stored_verdict.verdict_of(DriftComparison(when, day(9), *rows, None, results))
    assert (read.answer, read.reasons) == ("drift", found.reasons)
    assert [c.name for c in read.drifted] == ["kind"]
