"""The commands of docs/operations.md save a home, restore it into another, and upgrade MLflow."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from runlore.log.executions import read_facts
from runlore.registry import connect
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from runlore.store.prefect_schema import prefect_variables
from tests.log.logged_work import Work, add

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCK = re.compile(r"^( *)```sh\n *# ([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMANDS = {name: script for _, name, script in BLOCK.findall(PAGE.read_text(encoding="utf-8"))}


def carry_out(name: str, home: Path, folder: Path) -> None:
    """Run a block of the page as somebody would, in `folder`, for the server of `home`."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = os.environ | {"RUNLORE_HOME": str(home), "PATH": path}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", COMMANDS[name]],
        cwd=folder,
        env=given,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url=None, mlflow_tracking_uri=None)


def has_prefects_schema(store: Store) -> bool:
    """With the extension, which belongs to the schema and is saved with it."""
    found = (
        "SELECT extnamespace = to_regnamespace('prefect') FROM pg_extension WHERE extname = :name"
    )
    with store.begin() as connection:
        return bool(connection.scalar(text(found), {"name": "pg_trgm"}))


def experiments(store: Store) -> int:
    with store.begin() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM mlflow.experiments")) or 0)


@pytest.fixture
def homes() -> Iterator[list[Path]]:
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as one,
        tempfile.TemporaryDirectory(prefix="rl-") as other,
    ):
        yield [Path(one), Path(other)]


def test_there_are_commands_for_both_ways() -> None:
    assert set(COMMANDS) == {
        "backup of the embedded server",
        "backup with compose",
        "restore into the embedded server",
        "restore with compose",
        "upgrade of MLflow's tables",
    }


def test_what_was_saved_is_there_again(homes: list[Path], tmp_path: Path) -> None:
    lost, found = homes
    with open_store(settings_of(lost)) as store:
        add(store, Work(300, 0, 10))
        connect(settings_of(lost), store)
        (lost / "artifacts").mkdir(exist_ok=True)
        (lost / "artifacts" / "model").write_text("weights")
        prefect_variables(store)
        before, runs = read_facts(store), experiments(store)
        carry_out("backup of the embedded server", lost, tmp_path)
    assert runs > 0

    with open_store(settings_of(found)) as store:
        add(store, Work(5, 400, 1))
        carry_out("restore into the embedded server", found, tmp_path)
        carry_out("upgrade of MLflow's tables", found, tmp_path)
    with open_store(settings_of(found)) as store:
        assert read_facts(store).equals(before)
        assert experiments(store) == runs
        assert has_prefects_schema(store)
        add(store, Work(5, 400, 1))
        assert len(read_facts(store)) == len(before) + 5
    assert (found / "artifacts" / "model").read_text() == "weights"
