"""The promise of the trigger, on a few seeds of its bench."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seeds", [1, pytest.param(8, marks=pytest.mark.exhaustive)])
def test_a_quiet_year_hardly_ever_retrains_and_a_real_shift_is_answered_in_two_weeks(
    seeds: int,
) -> None:
    command = [sys.executable, "bench/quiet_year.py", "--seeds", str(seeds), "--processes", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (found,) = map(json.loads, done.stdout.splitlines())
    assert found["ours"] <= 1
    assert max(map(int, found["years_by_retrainings"])) <= 1
    assert found["quiet_weeks_read_as_drift"] <= 0.06
    shares = found["answered_in_2_windows"]
    assert set(shares) == {"size", "newcomers", "failures", "unit"}
    assert sum(shares.values()) / len(shares) >= 0.9
