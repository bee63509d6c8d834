"""Logs to bring in, and the command that does it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from runlore.cli import main
from runlore.store.engine import Store
from tests.ingest.csv_log import HEADER, Log, row


class CommandOutput(NamedTuple):
    out: str
    err: str


class RunIngest(Protocol):
    def __call__(self, *arguments: object, code: int = 0) -> CommandOutput: ...


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Log:
    """300 executions in a CSV file."""
    return Log(store, tmp_path / "log.csv", [HEADER, *(row(number) for number in range(300))])


@pytest.fixture
def run_ingest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunIngest:
    """Runs `runlore ingest` and checks its exit code."""

    def run(*arguments: object, code: int = 0) -> CommandOutput:
        monkeypatch.setattr(sys, "argv", ["runlore", "ingest", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
        return CommandOutput(*capsys.readouterr())

    return run


@pytest.fixture
def runlore(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_ingest: RunIngest
) -> Callable[..., str]:
    """Runs the command on the tests' own database; returns its output, or its errors."""
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))

    def run(*arguments: object, code: int = 0) -> str:
        output = run_ingest(*arguments, code=code)
        return output.err if code else output.out

    return run
