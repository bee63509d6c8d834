"""The tests of this folder notice every change of the deciding code that would matter."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_every_mutant_is_killed() -> None:
    script = Path(__file__).with_name("mutants.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    alive = [line for line in done.stdout.splitlines() if not line.startswith("killed")]
    assert done.returncode == 0, "\n".join(alive) + done.stderr
    assert alive[-1].endswith("mutants killed")
