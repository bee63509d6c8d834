"""The tests of monitoring and of performance notice changes of their rules that would matter.

The changes themselves are tried in `make test-all`.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
LISTED = tomllib.loads((FOLDER / "watching_mutants.toml").read_text(encoding="utf-8"))
CODE = Path(__file__).parents[2] / "runlore"


def test_every_mutant_of_the_watching_rules_changes_one_place() -> None:
    for mutant in LISTED["mutant"]:
        module = CODE / f"{mutant['module'].replace('.', '/')}.py"
        assert module.read_text(encoding="utf-8").count(mutant["old"]) == 1, mutant["name"]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_mutants_of_the_watching_rules_are_killed() -> None:
    script = FOLDER / "watching_mutants.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    alive = [line for line in done.stdout.splitlines() if not line.startswith("killed")]
    assert done.returncode == 0, "\n".join(alive) + done.stderr
    assert alive[-1].endswith("mutants killed")
