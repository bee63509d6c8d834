"""A log replayed through HTTP: served features equal training features, bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "replay.py"


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("executions", [250, pytest.param(1000, marks=pytest.mark.exhaustive)])
def test_replayed_executions_were_served_what_training_sees(executions: int) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--executions", str(executions)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    known = pytest.approx(executions, rel=0.01)  # a late one may be known only after the log ends
    assert summary["executions"] == known
    assert (summary["missing"], summary["moved_instants"]) == (0, 0)
    assert summary["differing_bits"] == 0
    assert summary["differing_bits_with_a_planted_change"] > executions
