"""What a group of features that say the same matters is what the model loses without all of them.

Outcomes follow one signal, which stands in several columns with a little noise each, and one
feature by itself. A forest may use any of the columns. The truth is what the same forest loses when
it is trained on the plain signal and that is shuffled.
"""

from collections.abc import Iterator

import numpy as np
from promised.row import Row

from runlore.models.explain import joint_importance, permutation_importance

COPIES = (2, 4, 8)
ROWS = 2_000
SIGNAL = "signal"


def draw(copies: int, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """(n, F) rows, (n,) outcomes and names: the copies, one feature more, and two of noise."""
    rng = np.random.default_rng([seed, copies])
    signal, other = rng.normal(size=(2, ROWS))
    columns = [signal + 0.2 * rng.normal(size=ROWS) for _ in range(copies)] if copies > 1 else []
    rows = np.column_stack([*(columns or [signal]), other, rng.normal(size=(ROWS, 2))])
    names = (*(f"{SIGNAL} {at}" for at in range(max(copies, 1))), "other", "noise 1", "noise 2")
    return rows.astype(np.float32), signal + 0.5 * other + 0.3 * rng.normal(size=ROWS), names


def measured(copies: int, seed: int) -> tuple[float, float]:
    """The sum of the signal's columns, each shuffled alone, and their group's importance."""
    from sklearn.ensemble import RandomForestRegressor

    rows, actual, names = draw(copies, seed)
    forest = RandomForestRegressor(60, min_samples_leaf=10, random_state=seed)
    forest.fit(rows[:1000], actual[:1000])
    tested = (forest.predict, rows[1000:], actual[1000:])
    alone = permutation_importance(*tested, names, "mae")
    total = sum(one.mean for one in alone if one.feature.startswith(SIGNAL))
    groups = joint_importance(*tested, alone, names, "mae")
    wanted = {name for name in names if name.startswith(SIGNAL)}
    found = [group.mean for group in groups if set(group.features) == wanted]
    return total, found[0] if found else 0.0


def run(worlds: int) -> Iterator[Row]:
    truths = np.array([measured(1, seed)[0] for seed in range(worlds)])
    for copies in COPIES:
        pairs = np.array([measured(copies, seed) for seed in range(worlds)])
        for rule, values in zip(("before", "now"), (pairs / truths[:, None]).T, strict=True):
            spread = float(values.std(ddof=1))
            world = f"a signal in {copies} columns"
            yield Row(world, rule, float(values.mean()), worlds, "100%", spread)
