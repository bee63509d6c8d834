"""Predicted probabilities beside what came of them."""

import numpy as np

from runlore.performance.rules.reliability import MOST_GROUPS, reliability_groups


def test_groups_say_what_came_with_an_interval() -> None:
    random = np.random.default_rng(3)
    said = random.uniform(0, 1, 4_000)
    came = (random.uniform(0, 1, 4_000) < said).astype(float)
    groups = reliability_groups(said, came)
    assert len(groups) == MOST_GROUPS
    assert sum(group.rows for group in groups) == 4_000
    assert [group.said for group in groups] == sorted(group.said for group in groups)
    assert sum(group.low <= group.said <= group.high for group in groups) >= MOST_GROUPS - 2


def test_answers_without_an_outcome_do_not_count() -> None:
    assert reliability_groups(np.array([0.1, 0.2]), np.array([np.nan, np.nan])) == ()
    [group] = reliability_groups(np.array([0.1, 0.2]), np.array([np.nan, 1.0]))
    assert (group.rows, group.came) == (1, 1.0)
