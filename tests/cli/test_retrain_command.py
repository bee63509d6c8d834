"""`runlore retrain` at a terminal: a request, what became of it, and words for what is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
WHY = ("--reason", "a new release went out", "--as", "ann")


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A log that is too short to learn from; its server runs until the end."""
    folder = tmp_path / "log"
    with open_store(settings):
        run("simulate", str(folder), "--executions", "40", "--days", "5")
        file, mapping = (folder / f"simulated-{n}" for n in ("executions.csv", "mapping.json"))
        run("ingest", "csv", str(file), "--mapping", str(mapping))
        yield


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def told(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout.splitlines()[-1])


@pytest.mark.usefixtures("home")
def test_who_asks_twice_is_given_the_same_request_and_sees_what_became_of_it() -> None:
    assert "No training has been requested yet." in run("retrain", "list").stdout
    asked = told("retrain", "request", "failure-risk", *WHY)
    assert (asked["state"], asked["is_new"]) == ("wanted", True)
    again = run("retrain", "request", "failure-risk", *WHY).stdout
    assert f"Retraining {asked['id']} of failure-risk: wanted: " in again
    assert "It was requested before" in again
    assert "within seconds" in again
    assert "person (ann)" in run("retrain", "list", "failure-risk").stdout
    assert told("retrain", "list", "duration") == {"retrainings": []}

    here = told("retrain", "request", "failure-risk", *WHY, "--here", code=1)
    assert (here["id"], here["state"]) == (asked["id"], "refused")
    assert "40" in here["reason"]
    shown = run("retrain", "show", str(asked["id"])).stdout
    assert "requested by person (ann): a new release went out" in shown
    assert [line.split("  ")[1].split(":")[0] for line in shown.splitlines()[3:]] == [
        step["state"] for step in here["steps"]
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("request", "nothing", *WHY), NotFound, "no model spec is named 'nothing'"),
        (("request", "failure-risk", "--reason", " "), BadInput, "reason: ' ' is not 1 to 1000"),
        (("show", "7"), NotFound, "7"),
    ],
)
def test_what_is_wrong_is_said(
    settings: Settings, arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    done = CliRunner().invoke(app, ["retrain", *arguments])
    assert isinstance(done.exception, error)
    assert words in str(done.exception)
