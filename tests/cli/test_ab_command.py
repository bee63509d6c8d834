"""`runlore ab`, from a plan to files, on an embedded database."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.records.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.usecases.ab_plan import EXAMPLE


def run(*arguments: str, given: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["ab", *arguments], input=given, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_test_goes_from_its_plan_to_its_figures(settings: Settings) -> None:
    simple = ["--name", "buttons", "--variant", "green", "--event", "click", "--least-hours", "0"]
    made = json.loads(run("create", *simple, "--json"))
    assert (made["state"], made["shares"]) == ("created", {"control": 0.5, "green": 0.5})
    assert "planned before" in run("create", *simple)
    run("start", "buttons")
    units = [f"u{number}" for number in range(600)]
    dealt = json.loads(run("assign", "buttons", *units, "--json"))["assignments"]
    lines = [
        json.dumps({"id": each["unit"], "unit": each["unit"], "event": "click"})
        for number, each in enumerate(dealt)
        if number % 10 < (7 if each["variant"] == "green" else 2)
    ]
    events = settings.home / "events.jsonl"
    events.write_text("\n".join([*lines, ""]))
    assert f"{len(lines)} events taken" in run("record", "buttons", str(events))
    told = run(
        "record", "buttons", "-", given='{"id": "x", "unit": "no", "event": "click"}', code=1
    )
    assert "x: unit: was not assigned in this test" in told
    assert "waits for: nothing: analyse it" in run("status", "buttons")
    look = json.loads(run("analyze", "--json"))["buttons"]
    assert (look["winner"], look["look"]) == ("green", 1)
    assert "green" in run("list")
    files = json.loads(run("export", "buttons", "--json"))["files"]
    assert [Path(each).name for each in files] == [
        "test.json",
        "looks.csv",
        "click.png",
        "click.svg",
    ]
    assert all(Path(each).stat().st_size > 200 for each in files)
    assert json.loads(run("status", "buttons", "--json"))["test"]["state"] == "decided"


def test_a_plan_is_a_file_and_a_person_may_stop_what_it_started(settings: Settings) -> None:
    plan = settings.home / "plan.json"
    plan.write_text(json.dumps({**EXAMPLE, "exposure": 0.1}))
    run("create", str(plan))
    run("start", "risk-or-rule", "--as", "ann")
    assert "50 %" in run("expose", "risk-or-rule", "50")
    run("stop", "risk-or-rule", "--as", "ann", "--reason", "wrong text")
    actions = json.loads(run("status", "risk-or-rule", "--json"))["actions"]
    assert [each["action"] for each in actions] == [
        "created",
        "started",
        "exposed to 0.5",
        "stopped",
    ]
    assert (actions[-1]["actor"], actions[-1]["reason"]) == ("ann", "wrong text")


def test_a_wrong_plan_names_its_field_and_an_unknown_test_its_name(settings: Settings) -> None:
    plan = settings.home / "plan.json"
    plan.write_text('{"name": "a", "variants": [], "metrics": []}')
    with pytest.raises(BadInput, match="variants"):
        run("create", str(plan))
    with pytest.raises(NotFound, match="'none'"):
        run("status", "none")
