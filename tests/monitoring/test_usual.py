import numpy as np
import pytest

from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.measures import measure
from runlore.monitoring.rules.usual import moderate, usual
from runlore.monitoring.rules.verdict import VerdictContext, judge
from runlore.specs.model_spec import DriftPolicy

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


def limits(windows: list[Profile]) -> dict[str, dict[str, float]]:
    return {name: dict(column.limits) for name, column in usual(windows, POLICY).columns.items()}


def test_only_what_changes_from_week_to_week_is_usual() -> None:
    seen = limits(COUNTED)
    assert seen["slow"]["psi"] > 2
    assert seen["fast"]["psi"] < POLICY.psi
    assert set(seen["kind"]) == {"psi", "jensen_shannon", "chi_square"}


def test_each_window_is_compared_with_all_the_others() -> None:
    few = COUNTED[:4]
    expected, roots = [], []
    for at, window in enumerate(few):
        rest = count(REFERENCE.bins, np.vstack([w for i, w in enumerate(WEEKS[:4]) if i != at]))
        found = measure(rest.columns[1], window.columns[1], POLICY)
        expected.append([m.value for m in found.measures])
        roots.append(found.psi ** (1 / 3))
    worst = np.max(expected, axis=0)
    seen = usual(few, POLICY)
    slow = seen.columns["slow"].limits
    assert [slow["psi"], slow["ks"], slow["wasserstein"]] == pytest.approx(worst.tolist())
    assert seen.columns["slow"].mean == pytest.approx(np.mean(roots))
    assert (seen.windows, seen.columns["slow"].windows) == (4, 4)


def test_weeks_to_come_are_seldom_called_drifted_though_each_has_a_place_of_its_own() -> None:
    background = VerdictContext(usual=usual(COUNTED, POLICY))
    coming = [count(REFERENCE.bins, week(number)) for number in range(100, 200)]
    plain = [judge(REFERENCE, each, POLICY).drifted for each in coming]
    calm = [judge(REFERENCE, each, POLICY, background).drifted for each in coming]
    assert sum(len(each) for each in plain) == 100, "the slow column, every week"
    assert sum(len(each) for each in calm) <= 6


def test_p_values_of_weeks_to_come_are_as_small_as_they_say_and_not_more_often() -> None:
    seen = usual(COUNTED, POLICY).columns
    coming = [count(REFERENCE.bins, week(number)) for number in range(100, 500)]
    for at, name in enumerate(NAMES):
        found = [measure(REFERENCE.columns[at], each.columns[at], POLICY) for each in coming]
        p_values = np.array([seen[name].p_value(each) for each in found])
        for level in (0.05, 0.01):
            assert (p_values <= level).mean() <= 1.5 * level + 3 * np.sqrt(level / 400), name


def test_a_window_of_fewer_rows_is_not_further_away_for_it() -> None:
    seen = usual(COUNTED, POLICY).columns["fast"]
    small = [count(REFERENCE.bins, week(number, 100)) for number in range(100, 300)]
    found = [measure(REFERENCE.columns[0], each.columns[0], POLICY) for each in small]
    assert np.mean([seen.p_value(each) <= 0.05 for each in found]) <= 0.1


def test_weeks_that_have_nothing_to_do_with_each_other_do_not_persist_and_slow_ones_do() -> None:
    rng = np.random.default_rng(3)
    assert usual(COUNTED, POLICY).persistence < 0.5
    place = np.cumsum(rng.normal(0, 0.3, 40))
    walk = [rng.normal(each, 1, (400, 1)).astype(np.float32) for each in place]
    reference = reference_profile(np.vstack(walk), ["x"])
    counted = [count(reference.bins, each) for each in walk]
    assert usual(counted, POLICY).persistence > 0.6


def test_too_few_windows_tell_nothing() -> None:
    assert not usual(COUNTED[:2], POLICY).is_known
    small = [count(REFERENCE.bins, week(number, 99)) for number in range(9)]
    assert not usual(small, POLICY).is_known
    assert usual([*small, *COUNTED[:3]], POLICY) == usual(COUNTED[:3], POLICY)


def test_spreads_are_drawn_to_each_other_as_far_as_they_are_alike() -> None:
    rng = np.random.default_rng(0)
    freedom = np.full(500, 5.0)
    alike = np.sqrt(0.04 * rng.chisquare(5, 500) / 5)
    drawn, total = moderate(alike, freedom)
    assert drawn == pytest.approx(0.2, rel=0.15)
    assert total.min() > 40
    true = np.sqrt(0.04 * 6 / rng.chisquare(6, 500))
    unlike = true * np.sqrt(rng.chisquare(5, 500) / 5)
    drawn, total = moderate(unlike, freedom)
    assert total[0] - 5 == pytest.approx(6, rel=0.4), "the freedom they were drawn with"
    assert np.mean((drawn - true) ** 2) < np.mean((unlike - true) ** 2)


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
