"""What is usual between the windows of the training itself.

A feature that changes slowly, such as a count that fades over ten days, takes few of its values in
any one week: each week of the training is far from all the others, and so will be every week to
come. Only what goes beyond that is news.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce

import numpy as np

from runlore.drift.histogram import Profile
from runlore.drift.verdict import Policy, Statistic, Usual, measure

LEAST_WINDOWS = 3
SHARE = 0.95


def usual(windows: Sequence[Profile], policy: Policy) -> Usual:
    """What 19 of 20 windows of the training stay within, each compared with all others together.

    windows: counted in the reference's bins; those with too few rows for a verdict are left out.
    Nothing when fewer than three are left.
    """
    held = [window for window in windows if window.rows >= policy.least_rows]
    if len(held) < LEAST_WINDOWS:
        return {}
    total = reduce(Profile.merged, held)
    seen: dict[str, dict[Statistic, list[float]]] = defaultdict(lambda: defaultdict(list))
    for window in held:
        others = total.without(window)
        for mine, theirs in zip(others.columns, window.columns, strict=True):
            for found in measure(mine, theirs, policy):
                seen[mine.name][found.statistic].append(found.value)
    return {
        name: {
            statistic: float(np.quantile(values, SHARE, method="higher"))
            for statistic, values in of_column.items()
        }
        for name, of_column in seen.items()
    }
