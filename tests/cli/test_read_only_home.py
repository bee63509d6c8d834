"""A home that cannot be written to: each command says so in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("train", "demo", "up", "login", "alerts", "retrain list", "keys list", "audit")
# Root may write everywhere but to a file system that is mounted to be read.
MOUNTED = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t tmpfs none "$0" && mount -o remount,ro "$0" && exec "$@"',
)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """What to begin a command with, so that the home cannot be written to."""
    home = tmp_path_factory.mktemp("home")
    if os.geteuid() != 0:
        home.chmod(0o500)
        return ("env", f"RUNLORE_HOME={home}")
    command = (*MOUNTED, str(home), "env", f"RUNLORE_HOME={home}")
    try:
        subprocess.run((*command, "true"), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root may not mount here")
    return command


def run(prefix: tuple[str, ...], words: str) -> "subprocess.CompletedProcess[str]":
    command = (*prefix, sys.executable, "-m", "runlore.cli", *words.split())
    folder = Path(__file__).parents[2]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_home_that_cannot_be_written_to_is_one_plain_line(
    prefix: tuple[str, ...], words: str
) -> None:
    done = run(prefix, words)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("   ")]
    home = prefix[-1].partition("=")[2]
    assert line.startswith(f"runlore: {home}")
    assert "set RUNLORE_HOME to" in line


@pytest.mark.parametrize("words", ["status", "down", "--help"])
def test_what_writes_nothing_works_all_the_same(prefix: tuple[str, ...], words: str) -> None:
    done = run(prefix, words)
    assert (done.returncode, done.stderr) == (0, "")
