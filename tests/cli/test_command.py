"""The command as a process: quick help, one clear line for an error, the right exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runlore import __version__
from runlore.cli import app

COMMANDS = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]


def runlore(*arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "runlore.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"RUNLORE_HOME": str(home)},
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    told = runlore(command, "--help", home=tmp_path)
    assert told.returncode == 0
    assert "--help" in told.stdout
    assert not list(tmp_path.iterdir())


def test_the_version_is_told(tmp_path: Path) -> None:
    told = runlore("--version", home=tmp_path)
    assert (told.returncode, told.stdout) == (0, f"{__version__}\n")


def test_help_imports_none_of_the_heavy_packages(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['runlore', '--help']; from runlore.cli import main\n"
        "try:\n main()\nexcept SystemExit: pass\n"
        "heavy = {'mlflow', 'prefect', 'evidently', 'bentoml', 'sklearn', 'pandas', 'numba',"
        " 'sqlalchemy', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_spec_is_named_with_those_there_are(tmp_path: Path) -> None:
    told = runlore("train", "failure-rsk", home=tmp_path)
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "runlore: no model spec is named 'failure-rsk'; there are: failure-risk, duration"
    ]


def test_a_wrong_setting_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_SERVE_PORT", "three")
    told = runlore("status", home=tmp_path)
    assert told.returncode == 1
    assert "RUNLORE_SERVE_PORT" in told.stderr
    assert "Traceback" not in told.stderr
