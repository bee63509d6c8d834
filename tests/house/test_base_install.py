"""A base install has none of the extras' packages: what it offers must not import them."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from runlore.kernel.extras import MODULES

ROOT = Path(__file__).parents[2]
WITHOUT = f"""
import sys
FORBIDDEN = {sorted(name for names in MODULES.values() for name in names)!r}
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            return None
        return self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""
LOG = "id,user,submitted_at,started_at,finished_at,result,size\n" + "".join(
    f"{n},u{n % 3},2026-01-01T{n // 60:02}:{n % 60:02}:00Z,2026-01-01T{n // 60:02}:{n % 60:02}:01Z,"
    f"2026-01-01T{n // 60 + 1:02}:{n % 60:02}:00Z,{'failed' if n % 7 == 0 else 'ok'},{n % 11}\n"
    for n in range(60)
)


def run(script: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "RUNLORE_HOME": str(home)},
    )


def runlore(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = "sys.argv[0] = 'runlore'\nfrom runlore.cli import main\nmain()"
    return run(script, home, *arguments)


def test_the_public_names_of_a_base_install_can_be_imported(tmp_path: Path) -> None:
    script = (
        "import runlore\n"
        "for name in runlore.__all__: getattr(runlore, name)\n"
        "runlore.Client('http://localhost:1').close()\n"
        "try: runlore.open()\n"
        "except runlore.RunloreError as error: print(error)\n"
    )
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pip install 'runlore[home]'" in done.stdout


def test_a_log_is_looked_at_and_a_service_is_asked_without_the_extras(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    page = tmp_path / "page.html"
    done = runlore(tmp_path, "look", str(log), "--output", str(page))
    assert done.returncode == 0, done.stderr
    assert page.stat().st_size > 1_000
    work = ("--actor", "ann", "--kind", "build", "--url", "http://127.0.0.1:1")
    asked = runlore(tmp_path, "gate", "failure-risk", "--max", "0.3", *work)
    assert asked.returncode == 2, asked.stderr
    assert "http://127.0.0.1:1" in asked.stdout + asked.stderr


@pytest.mark.parametrize("command", [("train",), ("versions", "duration")])
def test_a_command_whose_packages_are_missing_says_what_to_install(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    done = runlore(tmp_path, *command)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("runlore: ")]
    assert "is not installed: pip install 'runlore[all]'" in line


def test_the_extras_are_those_of_the_project() -> None:
    """Every package of an extra has its module here, so that its absence is explained."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    of_modules = packages_distributions()
    for extra, modules in MODULES.items():
        named = {line.split(">")[0] for line in extras[extra]} - {"runlore[home]"}
        brought = {
            name.lower().replace("_", "-")
            for module in modules
            for name in of_modules.get(module, ())
        }
        assert named - brought == set()
