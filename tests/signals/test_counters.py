"""Counters are read as rates."""

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runlore.signals import queries
from runlore.signals.rules.series.counters import to_rates
from runlore.store.engine import Store
from tests.signals.points import END, write_points


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=30), st.integers(0, 29))
def test_rates_add_up_to_all_growth_whatever_restarts(steps: list[float], restart: int) -> None:
    """Oracle: what was added, step by step."""
    values, total = [0.0], 0.0
    for place, step in enumerate(steps):
        total = step if place == restart else total + step
        values.append(total)
    fell = restart < len(steps) and steps[restart] < values[restart]
    at = np.arange(len(values)) * 10_000_000
    grown = (to_rates(at, np.array(values))[1] * 10).sum()
    lost = 0.0 if fell or restart >= len(steps) else values[restart]
    assert abs(grown - (sum(steps) - lost)) <= 1e-6 * max(sum(steps), 1)


def test_a_counter_of_the_catalog_is_read_as_its_rate(store: Store) -> None:
    values = np.array([0.0, 3_600.0, 7_200.0, 1_800.0])
    write_points(store, values, kind="counter", unit="s")
    with store.connect() as connection:
        (series,) = queries.list_series(connection, 10)
        points = queries.read_points(connection, series, END + timedelta(days=1), 100)
    assert (series.kind, series.unit) == ("counter", "s")
    assert points.value.tolist() == [1.0, 1.0, 0.5]
