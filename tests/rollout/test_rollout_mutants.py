"""The tests of this folder notice changes of the deciding code that would matter.

By default a sample of the changes is tried, in `make test-all` each of them.
"""

import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LISTS = (HERE / "mutants.toml", HERE.parent / "training" / "gate_mutants.toml")
CODE = Path(__file__).parents[2] / "runlore"


def test_every_mutant_changes_one_place_of_the_code_as_it_is() -> None:
    listed = [tomllib.loads(path.read_text(encoding="utf-8"))["mutant"] for path in LISTS]
    for mutant in chain.from_iterable(listed):
        module = CODE / f"{mutant['module'].replace('.', '/')}.py"
        assert module.read_text(encoding="utf-8").count(mutant["old"]) == 1, mutant["name"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("every", [24, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_every_so_many_mutants_are_killed(every: int) -> None:
    script = Path(__file__).with_name("mutants.py")
    done = subprocess.run(
        [sys.executable, script, "--every", str(every)], capture_output=True, text=True, check=False
    )
    alive = [line for line in done.stdout.splitlines() if not line.startswith("killed")]
    assert done.returncode == 0, "\n".join(alive) + done.stderr
    assert alive[-1].endswith("mutants killed")
