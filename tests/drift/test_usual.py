import numpy as np
import pytest

from runlore.drift.histogram import Profile, count, reference_profile
from runlore.drift.usual import usual
from runlore.drift.verdict import judge, measure
from runlore.models.spec import DriftPolicy

POLICY = DriftPolicy()
NAMES = ("fast", "slow", "kind")


def week(number: int, rows: int = 400) -> np.ndarray:
    """`slow` keeps to a place of its own each week."""
    rng = np.random.default_rng(number)
    slow = rng.normal() + rng.normal(0, 0.1, rows)
    return np.column_stack([rng.normal(size=rows), slow, rng.integers(0, 3, rows)]).astype(
        np.float32
    )


WEEKS = [week(number) for number in range(40)]
REFERENCE = reference_profile(np.vstack(WEEKS), NAMES, ["kind"])
COUNTED = [count(REFERENCE.bins, rows) for rows in WEEKS]


def test_only_what_changes_from_week_to_week_is_usual() -> None:
    seen = usual(COUNTED, POLICY)
    assert seen["slow"]["psi"] > 2
    assert seen["fast"]["psi"] < POLICY.psi
    assert set(seen["kind"]) == {"psi", "jensen_shannon", "chi_square"}


def test_each_window_is_compared_with_all_the_others() -> None:
    few = COUNTED[:4]
    expected = []
    for at, window in enumerate(few):
        rest = count(REFERENCE.bins, np.vstack([w for i, w in enumerate(WEEKS[:4]) if i != at]))
        expected.append([m.value for m in measure(rest.columns[1], window.columns[1], POLICY)])
    worst = np.max(expected, axis=0)
    seen = usual(few, POLICY)["slow"]
    assert [seen["psi"], seen["ks"], seen["wasserstein"]] == pytest.approx(worst.tolist())


def test_weeks_to_come_seldom_go_beyond_what_is_usual() -> None:
    seen = usual(COUNTED, POLICY)
    coming = [count(REFERENCE.bins, week(number)) for number in range(100, 200)]
    plain = [judge(REFERENCE, each, POLICY).drifted for each in coming]
    calm = [judge(REFERENCE, each, POLICY, usual=seen).drifted for each in coming]
    assert sum(len(each) for each in plain) == 100, "the slow column, every week"
    assert sum(len(each) for each in calm) <= 12


def test_too_few_windows_tell_nothing() -> None:
    assert usual(COUNTED[:2], POLICY) == {}
    small = [count(REFERENCE.bins, week(number, 99)) for number in range(9)]
    assert usual(small, POLICY) == {}
    assert usual([*small, *COUNTED[:3]], POLICY) == usual(COUNTED[:3], POLICY)


def test_a_part_taken_away_leaves_what_was_counted_without_it() -> None:
    whole = count(REFERENCE.bins, np.vstack(WEEKS[:3]))
    rest: Profile = whole.without(COUNTED[2])
    counted = count(REFERENCE.bins, np.vstack(WEEKS[:2]))
    for mine, theirs in zip(rest.columns, counted.columns, strict=True):
        assert (mine.counts == theirs.counts).all()
        assert mine.sums == pytest.approx(theirs.sums, abs=1e-3)
        assert (mine.moments.n, mine.missing) == (theirs.moments.n, theirs.missing)
        assert mine.moments.mean == pytest.approx(theirs.moments.mean, abs=1e-9)
        assert mine.moments.sd == pytest.approx(theirs.moments.sd, rel=1e-6)
    assert whole.without(whole).columns[0].moments.n == 0
