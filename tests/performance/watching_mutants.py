"""Change the rules that watch a version in ways that would matter; a test must notice each.

    python tests/performance/watching_mutants.py            # all, with the list
    python tests/performance/watching_mutants.py "words"    # those whose name holds a word
    python tests/performance/watching_mutants.py --every 8  # a sample

The list is `watching_mutants.toml`; `tests/rollout/mutants.py` does the same for rollouts and A/B
tests. The tests about the changed module run against it in this process. Exit code 0 only when
every mutant was killed and the unchanged code passes.
"""

import argparse
import io
import os
import sys
import tomllib
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.rollout.mutants import Changed, Mutant  # noqa: E402

TESTS_OF = {
    "performance.rules.feature_support": ("performance/test_feature_support.py",),
    "performance.rules.trust": ("performance/test_estimates.py",),
    "performance.rules.direct": ("performance/test_direct.py",),
    "performance.rules.recalibration": (
        "performance/test_calibration_doubt.py",
        "performance/test_estimates.py",
    ),
    "performance.rules.estimated": (
        "performance/test_calibration_doubt.py",
        "performance/test_estimates.py",
    ),
    "performance.rules.regression": ("performance/test_verdicts.py",),
    "monitoring.rules.new_words": ("monitoring/test_new_words.py",),
    "monitoring.rules.verdict": ("monitoring/test_new_words.py", "monitoring/test_verdict.py"),
    "monitoring.rules.usual": ("monitoring/test_new_words.py", "monitoring/test_usual.py"),
}
TESTS = sorted({name for names in TESTS_OF.values() for name in names})

with (HERE / "watching_mutants.toml").open("rb") as listed:
    MUTANTS = tuple(Mutant(**row) for row in tomllib.load(listed)["mutant"])


def is_killed(mutant: Mutant | None) -> bool:
    """Whether a test fails; None: the unchanged code."""
    forget()
    if mutant is None:
        return run_tests(TESTS) != 0
    source = mutant.path.read_text(encoding="utf-8").replace(mutant.old, mutant.new)
    finder = Changed(mutant, source)
    sys.meta_path.insert(0, finder)
    try:
        return run_tests(TESTS_OF[mutant.module]) != 0
    finally:
        sys.meta_path.remove(finder)


def forget() -> None:
    folders = ("runlore.performance", "runlore.monitoring", "tests.performance", "tests.monitoring")
    local = {Path(name).stem for name in TESTS}
    for name in list(sys.modules):
        if name.startswith(folders) or name in local:
            del sys.modules[name]


def run_tests(names: Sequence[str]) -> int:
    import pytest

    plain = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=native", "-m", "not slow"]
    plain += [f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "unraisableexception")]
    tests = [str(ROOT / "tests" / name) for name in names]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(pytest.main([*plain, *tests]))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    chosen = [m for m in MUTANTS if all(word in m.name for word in options.words)]
    chosen = chosen[:: options.every]
    if is_killed(None):
        sys.stdout.write("the unchanged code fails its tests\n")
        return 1
    killed = 0
    for mutant in chosen:
        was_killed = is_killed(mutant)
        killed += was_killed
        verdict = "killed" if was_killed else "ALIVE "
        sys.stdout.write(f"{verdict}  {mutant.module:<35}  {mutant.name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{killed} of {len(chosen)} mutants killed\n")
    return 0 if killed == len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
