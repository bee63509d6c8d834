"""The tests of this folder notice changes of the deciding code that would matter: here a sample.

`python tests/rollout/mutants.py` tries all of them.
"""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_mutants_of_a_sample_are_killed() -> None:
    script = Path(__file__).with_name("mutants.py")
    done = subprocess.run(
        [sys.executable, script, "--every", "8"], capture_output=True, text=True, check=False
    )
    alive = [line for line in done.stdout.splitlines() if not line.startswith("killed")]
    assert done.returncode == 0, "\n".join(alive) + done.stderr
    assert alive[-1].endswith("mutants killed")
