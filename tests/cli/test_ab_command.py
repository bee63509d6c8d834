"""`runlore ab`, from a plan to files; its first test starts an embedded database of its own."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.experiments.actions.plan import EXAMPLE
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.experiments.ab_world import wait_until

WINDOW_S = 3.0


@pytest.fixture
def shared(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home whose database is that of all tests."""
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    return settings


def run(*arguments: str, given: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["ab", *arguments], input=given, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_test_goes_from_its_plan_to_its_figures(settings: Settings) -> None:
    simple = ["--name", "buttons", "--variant", "green", "--event", "click", "--least-hours", "0"]
    simple += ["--window-hours", str(WINDOW_S / 3600)]
    made = json.loads(run("create", *simple, "--json"))
    assert (made["state"], made["shares"]) == ("created", {"control": 0.5, "green": 0.5})
    assert "exists already" in run("create", *simple)
    other = [*simple, "--least-units", "200"]
    with pytest.raises(Refused, match="with another plan"):
        run("create", *other)
    assert "buttons created: " in run("create", *other, "--replace")
    run("create", *simple, "--replace")
    run("start", "buttons")
    units = [f"u{number}" for number in range(600)]
    dealt = json.loads(run("assign", "buttons", *units, "--json"))["assignments"]
    lines = [
        json.dumps(
            {"id": each["unit"], "unit": each["unit"], "event": "click", "at": each["exposed_at"]}
        )
        for number, each in enumerate(dealt)
        if number % 10 < (7 if each["variant"] == "green" else 2)
    ]
    events = settings.home / "events.jsonl"
    events.write_text("\n".join([*lines, ""]))
    assert f"{len(lines)} events recorded" in run("record", "buttons", str(events))
    told = run(
        "record", "buttons", "-", given='{"id": "x", "unit": "no", "event": "click"}', code=1
    )
    assert "x: unit: was not assigned in this test" in told
    wait_until(lambda: "waits for: nothing: analyse it" in run("status", "buttons"))
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


def test_a_plan_is_a_file_and_a_person_may_stop_what_it_started(shared: Settings) -> None:
    plan = shared.home / "plan.json"
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


def test_a_wrong_plan_names_its_field_and_an_unknown_test_its_name(shared: Settings) -> None:
    plan = shared.home / "plan.json"
    plan.write_text('{"name": "a", "variants": [], "metrics": []}')
    with pytest.raises(BadInput, match="variants"):
        run("create", str(plan))
    with pytest.raises(NotFound, match="'none'"):
        run("status", "none")


def test_units_that_come_with_a_variant_are_read_from_lines_and_from_a_table(
    shared: Settings,
) -> None:
    plan = shared.home / "plan.json"
    plan.write_text(json.dumps({**EXAMPLE, "units": "given"}))
    run("create", str(plan))
    run("start", "risk-or-rule")
    lines = '{"unit": "a", "variant": "rule"}\n\n{"unit": "b", "variant": "model"}\n'
    assert "2 units recorded, 0 already known, 0 rejected" in run(
        "units", "risk-or-rule", "-", given=lines
    )
    table = shared.home / "units.CSV"
    table.write_text(
        "\ufeffunit,variant,at\na,rule,\nb,rule,\nc,model,2020-03-02T08:00:00Z\nd,none,\n"
    )
    told = json.loads(run("units", "risk-or-rule", str(table), "--json", code=1))
    assert (told["given"], told["taken"], told["known"], told["rejected"]) == (4, 1, 1, 2)
    assert [(each["unit"], each["reason"].split(":")[0]) for each in told["rejects"]] == [
        ("b", "variant"),
        ("d", "variant"),
    ]
    variants = json.loads(run("status", "risk-or-rule", "--json"))["variants"]
    assert [(each["name"], each["units"]) for each in variants] == [("rule", 1), ("model", 2)]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("units.csv", b"unit,variant\na\n", "variant"),
        ("units.csv", b"unit,variant\na,rule,3\n", "columns"),
        ("units.csv", b"unit,variant\na,r\xfcle\n", "cannot be read"),
        ("units.csv", b"unit,variant,at\na,rule,yesterday\n", "at"),
        ("units.jsonl", b'{"unit": "a", "variant": "rule", "colour": 1}\n', "colour"),
        ("units.jsonl", b'{"unit": "a"\n', "document"),
    ],
)
def test_units_that_are_none_are_told_by_their_field(
    shared: Settings, name: str, text: bytes, told: str
) -> None:
    plan = shared.home / "plan.json"
    plan.write_text(json.dumps({**EXAMPLE, "units": "given"}))
    run("create", str(plan))
    run("start", "risk-or-rule")
    file = shared.home / name
    file.write_bytes(text)
    with pytest.raises(BadInput, match=told):
        run("units", "risk-or-rule", str(file))


def test_a_size_is_told_before_there_is_a_test() -> None:
    told = run("size", "--baseline", "0.1", "--effect", "0.02").splitlines()
    assert told[0] == "fixed horizon, one look at the end: 3,835 units per variant, 7,670 in total"
    assert told[1].startswith("anytime, any number of looks: ")
    page = (Path(__file__).parents[2] / "docs" / "ab.md").read_text(encoding="utf-8")
    documented = re.findall(r"^    \$ runlore ab (size .+)$", page, re.MULTILINE)
    assert len(documented) == 3
    told += [line for command in documented for line in run(*command.split()).splitlines()]
    assert all(f"    {line}\n" in page for line in told)
    mean = ["--kind", "mean", "--spread", "1", "--effect", "0.2"]
    found = json.loads(run("size", *mean, "--variants", "2", "--json"))
    assert found["once"] == {"each": 394, "in_all": 788, "days": None}
    assert found["anytime"]["each"] > 394
    skewed = [*mean, "--skewness", "2", "--window-hours", "12", "--per-day", "1600"]
    found = json.loads(run("size", *skewed, "--json"))
    assert found["once"] == {"each": 1600, "in_all": 3200, "days": 2.5}
    assert (found["speaks_from"], found["window_h"]) == (1600, 12)
    assert run("size", *skewed).splitlines()[-2:] == [
        "nothing is said of the mean before 1,600 units per variant",
        "each unit is judged 12 h after it got its variant",
    ]
    more = json.loads(run("size", *mean, "--variants", "3", "--power", "0.9", "--json"))
    assert more["once"]["in_all"] == 3 * more["once"]["each"] > 250
    for wrong, field in (
        (["--effect", "0.1"], "baseline"),
        (["--effect", "0.1", "--kind", "mean"], "spread"),
        (["--effect", "0.1", "--kind", "median"], "kind"),
    ):
        with pytest.raises(BadInput, match=field):
            run("size", *wrong)
