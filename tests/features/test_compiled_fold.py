"""The compiled fold: where it is kept, and that it starts without a word."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runlore.features import fold

WARM = """
import json
from runlore.features import fold, matrix
fold.warm()
functions = (fold.read, fold.submit, fold.finish, fold.correct)
print(json.dumps([sum(each.stats.cache_hits.values()) for each in functions]))
"""


def warm(cache: Path) -> list[int]:
    """How often each function was found compiled by a new process with this cache."""
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", WARM],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not told.stderr
    return json.loads(told.stdout)


@pytest.mark.slow
def test_what_serving_calls_is_compiled_once_for_all_processes(tmp_path):
    assert warm(tmp_path) == [0, 0, 0, 0]
    assert warm(tmp_path) == [1, 1, 1, 1]


@pytest.mark.slow
def test_warming_up_leaves_nothing_to_compile_for_a_request():
    fold.warm()
    compiled = [len(each.signatures) for each in (fold.read, fold.submit, fold.finish)]
    half_lives_us = np.array([1e6, 2e6])
    state = fold.empty_state(2, 3)
    fold.submit(state, 10**15, half_lives_us)
    fold.finish(state, 10**15 + 1, 7, np.zeros(3), half_lives_us)
    fold.read(state, 10**15 + 2, half_lives_us, 3, np.empty(fold.feature_count(2, 3)))
    assert [len(each.signatures) for each in (fold.read, fold.submit, fold.finish)] == compiled


def test_a_function_compiles_where_nothing_can_be_written():
    """A function without a file stands for a folder that cannot be written."""
    made: dict = {}
    exec("def double(x):\n    return 2 * x", made)  # noqa: S102
    assert fold._compiled(made["double"])(2.5) == 5
