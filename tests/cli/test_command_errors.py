"""Errors of all commands: with --json one object on standard output, and never a stack trace."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPRS = re.compile(r"\bNone\b|\bnan\b|datetime\(|<[a-z_.]+ (object|at )|Traceback|\w+Error\(")
EVERY = Path(__file__).with_name("every_command.py")
ADDED = ("", "--json", "--json --no-such-option")
MOST_S = 60  # on a machine that is busy with other things


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By the arguments that were added: what each command came to with a wrong setting."""
    folder = tmp_path_factory.mktemp("every")
    environment = {"RUNLORE_HOME": str(folder / "home"), "RUNLORE_SERVE_PORT": "three"}
    done = subprocess.run(
        [sys.executable, str(EVERY), *ADDED],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment | {"COLUMNS": "200"},
        cwd=folder,
    )
    every: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert all(len(one) > 60 for one in every.values()), "commands have fallen out of this test"
    return every


def runlore(
    *arguments: str, timeout: float = MOST_S, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "runlore.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
        timeout=timeout,
    )


def test_with_json_each_command_prints_one_object_whatever_happens(
    results: dict[str, dict[str, Any]],
) -> None:
    for name, done in results["--json"].items():
        document = json.loads(done["stdout"])
        assert isinstance(document, dict), name
        if done["code"] != 0:  # a gate says by its own document why work may not run
            assert "error" in document or document["exit_code"] == done["code"], name
        assert not REPRS.search(done["stdout"] + done["stderr"]), name
        if "error" in document:
            error = document["error"]
            assert set(error) == {"kind", "message", "field", "exit_code"}, name
            assert error["kind"] != "unexpected", (name, error)
            assert error["exit_code"] == done["code"]
            assert error["message"]


def test_a_wrong_command_line_is_an_object_as_well(
    results: dict[str, dict[str, Any]],
) -> None:
    for name, done in results["--json --no-such-option"].items():
        assert done["code"] == 2, name
        assert json.loads(done["stdout"])["error"]["kind"] == "usage", name
        assert "--no-such-option" in done["stderr"] or "--json" in done["stderr"], name


def test_text_errors_are_one_line_without_reprs(results: dict[str, dict[str, Any]]) -> None:
    for name, done in results[""].items():
        assert not REPRS.search(done["stdout"] + done["stderr"]), name
        if done["code"] == 1:
            assert "\nrunlore: " in f"\n{done['stderr']}", name


def test_an_unknown_spec_is_named_before_any_server_starts(tmp_path: Path) -> None:
    done = runlore("score", "nope", "--json", RUNLORE_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "not-found"
    assert error["message"].startswith("no model spec is named 'nope'; there are: ")
    assert not (tmp_path / "home" / "prefect").exists()


@pytest.mark.parametrize(
    "command", [("train",), ("score", "duration"), ("monitor", "duration"), ("ledger", "show")]
)
def test_a_database_that_is_down_is_said_before_any_server_starts(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://u:hush@127.0.0.1:{taken.getsockname()[1]}/x"
        home = tmp_path / "home"
        done = runlore(*command, "--json", RUNLORE_HOME=str(home), RUNLORE_DATABASE_URL=url)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "unavailable"
    assert "PostgreSQL at 127.0.0.1" in done.stderr
    assert "hush" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "prefect").exists()


def test_serve_names_the_port_that_another_program_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = runlore("serve", "--port", port, RUNLORE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert f"port {port}: Address already in use; stop the other program" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_is_no_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = runlore("ledger", "show", "--json", RUNLORE_HOME=str(file / "home"))
    assert done.returncode == 1
    assert (
        "set RUNLORE_HOME to a folder that you own" in json.loads(done.stdout)["error"]["message"]
    )
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_command_with_a_line_and_its_own_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a database that never answers
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x"
        process = subprocess.Popen(
            [sys.executable, "-m", "runlore.cli", "ledger", "show", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"RUNLORE_HOME": str(tmp_path), "RUNLORE_DATABASE_URL": url},
        )
        silent.settimeout(MOST_S)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=MOST_S)
        connection.close()
    assert process.returncode == 128 + signal.SIGINT
    assert json.loads(output)["error"]["kind"] == "interrupted"
    assert errors.splitlines()[-1] == "runlore: interrupted"
    assert "Traceback" not in errors
