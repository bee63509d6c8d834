"""The commands that a look proposes exist, with these options."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from typer.main import get_command

from runlore.cli import app
from runlore.look.actions.looking import LookOptions, look_at_file
from runlore.look.actions.reading import LogChoice
from runlore.simulate import Scenario, simulate
from runlore.simulate.files import write_csv

SCENARIO = Scenario(seed=11, executions=900, days=30, change_at=1.0, dirty_rows=0)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path: Path = write_csv(simulate(SCENARIO), tmp_path_factory.mktemp("commands"))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return look_at_file(LogChoice(path), LookOptions(), now, lambda text: None).commands


def test_each_proposed_command_has_the_options_that_it_names(commands: tuple[str, ...]) -> None:
    assert len(commands) >= 4
    for line in commands:
        words = shlex.split(line)
        command = ["ingest", words[2]] if words[1] == "ingest" else [words[1]]
        shown = CliRunner().invoke(get_command(app), [*command, "--help"])
        assert shown.exit_code == 0, line
        for option in (word for word in words if re.fullmatch(r"--[a-z-]+", word)):
            assert option in shown.output, (line, option)
