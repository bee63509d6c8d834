"""Change the deciding code in every way that would matter, and see whether a test notices.

    python tests/rollout/mutants.py            # all, with the list
    python tests/rollout/mutants.py "swap"     # those whose name holds a word
    python tests/rollout/mutants.py --every 8  # a sample

The lists are `mutants.toml` and `gate_mutants.toml` of trainings; each is one replacement in one
module. The tests of rollouts and of experiments, or those of gates and gains, run against it in
this process. Exit code 0 only when every mutant was killed and the unchanged code passes.
"""

import argparse
import importlib.abc
import importlib.util
import io
import os
import sys
import tomllib
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTS = ROOT / "tests"
RAMP_TESTS = tuple(f"rollout/test_{name}.py" for name in ("ramp", "follow_up", "ramp_faults"))
EXPERIMENT_TESTS = tuple(
    f"experiments/test_{name}.py"
    for name in ("analysis", "missing", "sample_ratio", "sequences", "withheld")
)
GATE_TESTS = tuple(
    f"training/test_{name}.py" for name in ("gates", "calibration_gate", "gain", "challenge_days")
)
GATE_MODULES = ("training.", "models.", "performance.")


@dataclass(frozen=True)
class Mutant:
    """`new` in place of `old`, which stands in the module exactly once.

    module: below runlore, such as rollout.rules.ramp.
    """

    name: str
    module: str
    old: str
    new: str

    @property
    def path(self) -> Path:
        return ROOT / "runlore" / f"{self.module.replace('.', '/')}.py"


LISTS = (HERE / "mutants.toml", TESTS / "training" / "gate_mutants.toml")
MUTANTS = tuple(
    Mutant(**each) for path in LISTS for each in tomllib.loads(path.read_text("utf-8"))["mutant"]
)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module with other source."""

    def __init__(self, mutant: Mutant, source: str) -> None:
        self.name, self.path, self.source = f"runlore.{mutant.module}", mutant.path, source

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)  # noqa: S102


def is_killed(mutant: Mutant | None) -> bool:
    """Whether a test fails; None: the unchanged code."""
    forget()
    finder = None
    if mutant:
        source = mutant.path.read_text(encoding="utf-8")
        if source.count(mutant.old) != 1:
            raise SystemExit(
                f"{mutant.name}: {mutant.old!r} stands {source.count(mutant.old)} times"
            )
        finder = Changed(mutant, source.replace(mutant.old, mutant.new))
        sys.meta_path.insert(0, finder)
    try:
        return run_tests(mutant.module if mutant else "") != 0
    finally:
        if finder:
            sys.meta_path.remove(finder)


def forget() -> None:
    folders = ("runlore.rollout", "runlore.experiments", "tests.rollout", "tests.experiments")
    folders += ("runlore.kernel.intervals", "runlore.kernel.moments")
    folders += ("runlore.training", "runlore.models", "runlore.performance", "tests.training")
    local = {Path(name).stem for name in (*RAMP_TESTS, *EXPERIMENT_TESTS, *GATE_TESTS)}
    for name in list(sys.modules):
        if name.startswith(folders) or name in local:
            del sys.modules[name]


def run_tests(module: str) -> int:
    """Those that are about the module first. A slow machine kills no mutant."""
    import hypothesis
    import pytest

    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")

    plain = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=native"]
    plain += [f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "unraisableexception")]
    leave_out = ["-k", "not every_look", "-m", "not slow"]
    order = [*RAMP_TESTS, *EXPERIMENT_TESTS]
    if not module:
        order += GATE_TESTS
    if module.startswith(GATE_MODULES):
        order = [*GATE_TESTS]
    if module.startswith("experiments."):
        order = [*EXPERIMENT_TESTS, *RAMP_TESTS]
    tests = [str(TESTS / name) for name in order]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = int(pytest.main([*plain, *leave_out, *tests]))
    if code and not module:
        sys.stdout.write(said.getvalue())
    return code


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    given = parser.parse_args(arguments)
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(HERE)]
    chosen = [each for each in MUTANTS if all(word in each.name for word in given.words)]
    chosen = chosen[:: given.every]
    if is_killed(None):
        sys.stdout.write("the unchanged code fails its tests\n")
        return 1
    alive = []
    for mutant in chosen:
        killed = is_killed(mutant)
        if not killed:
            alive.append(mutant)
        told = "killed" if killed else "ALIVE "
        sys.stdout.write(f"{told}  {mutant.module:<30}  {mutant.name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
