"""A log replayed through HTTP: served features equal training features, bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "replay.py"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_thousand_replayed_executions_were_served_what_training_sees() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--executions", "1000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["executions"] == 1000
    assert (told["missing"], told["moved_instants"]) == (0, 0)
    assert told["differing_bits"] == 0
    assert told["differing_bits_with_a_planted_change"] > 1000
