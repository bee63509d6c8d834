"""Likeness of projects, against slow plain counts."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from runlore.planning.actions.project_arrays import profiles_of
from runlore.planning.queries.project_profiles import ProfileRow
from runlore.planning.rules.similarity.categories import categorise, place
from runlore.planning.rules.similarity.likeness import PARTS, compare, compare_all
from runlore.planning.rules.similarity.overlap import count_overlap, normal_overlap, rate_overlap

COUNTS = st.lists(st.integers(0, 30), min_size=3, max_size=3)


@given(COUNTS, COUNTS)
@settings(max_examples=100)
def test_overlap_of_counts_is_the_chance_of_equal_pairs(some: list[int], others: list[int]) -> None:
    """Morisita: how often one of each is equal, beside how often two of one are."""

    def equal_pairs(counts: list[int]) -> float:
        values = [at for at, count in enumerate(counts) for _ in range(count)]
        pairs = [(i, j) for i in range(len(values)) for j in range(len(values)) if i != j]
        return sum(values[i] == values[j] for i, j in pairs) / len(pairs)

    made = count_overlap(np.array(some, float), np.array([others], float))[0]
    if min(sum(some), sum(others)) < 2 or max(*some, *others) < 2:
        assert np.isnan(made)
        return
    between = sum(a * b for a, b in zip(some, others, strict=True)) / sum(some) / sum(others)
    expected = 2 * between / (equal_pairs(some) + equal_pairs(others))
    assert made == pytest.approx(min(expected, 1.0))


def test_overlap_of_counts_does_not_depend_on_how_many_there_are() -> None:
    random = np.random.default_rng(1)
    few = random.multinomial(20, np.ones(20) / 20, 400).astype(float)
    made = [count_overlap(one, few)[at - 1] for at, one in enumerate(few)]
    assert np.nanmean(made) > 0.75
    many = random.multinomial(2_000, np.ones(20) / 20, 2).astype(float)
    assert count_overlap(many[0], many)[1] > 0.95


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-3, 3), st.floats(0.1, 3))
@settings(max_examples=20)
def test_overlap_of_amounts_is_one_minus_hellingers_distance(
    mean: float, sd: float, other: float, other_sd: float
) -> None:
    common, _ = quad(
        lambda x: math.sqrt(norm.pdf(x, mean, sd) * norm.pdf(x, other, other_sd)),
        -30,
        30,
        limit=200,
    )
    made = normal_overlap(*(np.array([one]) for one in (mean, sd**2, other, other_sd**2)))[0]
    assert made == pytest.approx(1 - math.sqrt(max(1 - common, 0)), abs=1e-4)


def test_overlap_of_rates() -> None:
    made = rate_overlap(np.array([0.5, 0.0]), np.array([[0.5, 1.0]]))
    assert made.tolist() == [[1.0, 0.0]]


def rows_of(
    project: str, kinds: dict[str, int], failed: int = 0, words: dict | None = None
) -> list:
    made = [
        ProfileRow("kind", project, kind, "", n, n, failed, n, 1.0, 0.2, 0, None, None)
        for kind, n in kinds.items()
    ]
    return made + [
        ProfileRow("word", project, "tool", word, n, 0, 0, 0, None, None, 0, None, None)
        for word, n in (words or {}).items()
    ]


def test_what_is_not_known_is_unknown_and_never_0() -> None:
    profiles = profiles_of(
        [*rows_of("a", {"build": 40}), *rows_of("b", {"build": 9}), *rows_of("c", {"train": 40})]
    )
    made = compare(profiles, profiles.index("a") or 0)
    few, other = profiles.projects.index("b"), profiles.projects.index("c")
    assert np.isnan(made.parts["kinds"][few])
    assert np.isnan(made.parts["failures"][few])
    assert made.parts["kinds"][other] == 0
    assert np.isnan(made.parts["durations"][other]), "they have no kind in common"
    assert all(np.isnan(made.parts["costs"]))
    assert set(made.parts) == set(PARTS)


def test_inputs_that_only_one_has_count_as_different() -> None:
    both = {"kinds": {"build": 20}}
    profiles = profiles_of(
        [
            *rows_of("a", both["kinds"], words={"go": 20}),
            *rows_of("b", both["kinds"], words={"go": 10, "java": 10}),
            *rows_of("c", both["kinds"]),
        ]
    )
    inputs = compare(profiles, profiles.projects.index("a")).parts["inputs"]
    by_name = dict(zip(profiles.projects, inputs, strict=True))
    assert by_name["a"] == 1
    assert 0.3 < by_name["b"] < 1
    assert by_name["c"] == 0


@given(st.integers(0, 1_000))
@settings(max_examples=15)
def test_likeness_is_symmetric_and_bounded(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = []
    for name in "abcdef":
        counts = random.integers(1, 40, 3)
        kinds = dict(zip(("build", "test", "lint"), counts.tolist(), strict=True))
        rows += rows_of(name, kinds, 0, {"go": int(random.integers(1, 40))})
    likeness = compare_all(profiles_of(rows))
    np.testing.assert_allclose(likeness, likeness.T, atol=1e-9)
    known = likeness[~np.isnan(likeness)]
    assert ((known >= 0) & (known <= 1)).all()


def test_two_sorts_of_projects_are_two_categories_named_by_their_kinds() -> None:
    rows = []
    for at in range(6):
        rows += rows_of(f"site-{at}", {"build": 30 + at, "test": 10})
        rows += rows_of(f"lab-{at}", {"train": 30, "test": 8 + at})
    profiles = profiles_of([*rows, *rows_of("new", {"build": 2})])
    likeness = compare_all(profiles)
    made = {
        one.name.split()[0]: Counter(profiles.projects[at].split("-")[0] for at in one.members)
        for one in categorise(profiles, likeness)
    }
    assert made == {"build": Counter(site=6), "train": Counter(lab=6)}
    points = place(likeness)
    sites = [at for at, name in enumerate(profiles.projects) if name.startswith("site")]
    labs = [at for at, name in enumerate(profiles.projects) if name.startswith("lab")]
    spread = max(points[sites].std(axis=0).max(), points[labs].std(axis=0).max())
    assert np.linalg.norm(points[sites].mean(axis=0) - points[labs].mean(axis=0)) > 3 * spread


def test_equal_projects_are_one_category() -> None:
    rows = [row for at in range(8) for row in rows_of(f"p{at}", {"build": 30})]
    [only] = categorise(profiles_of(rows), compare_all(profiles_of(rows)))
    assert (only.name, len(only.members)) == ("all projects", 8)
