"""Fitting in threads leaves the filters of warnings as they were."""

import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from runlore.kernel.warning_filters import lasting_filters


@pytest.fixture
def _threads_change_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_change_often")
def test_forests_in_threads_leave_the_filters_as_they_were() -> None:
    """Without it, the first or second of these fits changes them for good."""
    from sklearn.ensemble import RandomForestRegressor

    rows = np.random.default_rng(0).normal(size=(60, 4))
    before = list(warnings.filters)
    for _ in range(5):
        with lasting_filters():
            RandomForestRegressor(n_estimators=60, n_jobs=4).fit(rows, rows[:, 0])
        assert list(warnings.filters) == before


def test_a_thread_that_empties_them_changes_nothing_and_copies_may_change() -> None:
    before = list(warnings.filters)
    with lasting_filters():
        warnings.resetwarnings()
        warnings.simplefilter("ignore", append=True)
        assert list(warnings.filters) == before
        with warnings.catch_warnings():
            warnings.resetwarnings()
            assert list(warnings.filters) == []
        assert list(warnings.filters) == before
    assert list(warnings.filters) == before
