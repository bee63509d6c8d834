"""`runlore alerts`: what people see of alerts, and do about them, at a terminal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from runlore.alerts.actions import handling
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.app import open_app
from runlore.cli import app
from runlore.kernel.errors import Misconfigured, NotFound, Refused
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.alerts.receivers import Web, http_server

AT = datetime(2026, 11, 1, tzinfo=UTC)
COMMANDS = ("list", "show", "ack", "resolve", "silence", "unsilence", "channels", "test", "deliver")


@pytest.fixture
def web() -> Iterator[Web]:
    with http_server(Web()) as served:
        yield served


@pytest.fixture(autouse=True)
def _here(store: Store, settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    hush = f"{web.url}/hooks/hush"
    monkeypatch.setenv(
        "RUNLORE_ALERT_CHANNELS", json.dumps({"ops": {"kind": "webhook", "url": hush}})
    )
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["alerts", *arguments])


def told(*arguments: str) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def found(store: Store, subject: str = "duration") -> int:
    finding = AlertFinding(
        "drift", subject, Severity.WARNING, "it moved", "sure", "look", AT, {"a": 1}
    )
    with store.begin() as connection:
        return handling.raise_alert(connection, finding, AT).id


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example_and_speaks_json(command: str) -> None:
    shown = run(command, "--help").output
    assert f"Example: runlore alerts {command}" in shown
    assert "--json" in shown


def test_the_sentence_that_matters_can_be_read_at_80_columns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    what = (
        "the share of failures rose from 12 % to 31 % in the window of 7 days that ended on"
        " 2026-10-31, of which a change of this size explains the drift of the predictions"
    )
    finding = AlertFinding("drift", "failure-risk", Severity.CRITICAL, what, "sure", "look", AT, {})
    with store.begin() as connection:
        handling.raise_alert(connection, finding, AT)
    shown = run().output
    assert what in " ".join(shown.split())
    assert "critical: drift of failure-risk" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_what_is_open_is_listed_with_and_without_the_word(store: Store) -> None:
    assert "no alert is open" in run().output
    number = found(store)
    for shown in (run().output, run("list").output):
        assert "it moved" in shown
        assert f"{number}" in shown
    (alert,) = told("list")["alerts"]
    assert (alert["state"], alert["what"], alert["severity"]) == ("open", "it moved", "warning")
    assert told("list", "--state", "resolved")["alerts"] == []


def test_one_is_shown_with_all_that_is_known(store: Store) -> None:
    number = str(found(store))
    shown = run("show", number).output
    for words in (
        "it moved",
        "certainty     sure",
        "what to do    look",
        "opened (warning)",
        '"a"',
    ):
        assert words in shown
    assert told("show", number)["history"][0]["event"] == "opened"
    with pytest.raises(NotFound):
        CliRunner().invoke(app, ["alerts", "show", "999"], catch_exceptions=False)


def test_somebody_takes_care_of_it_and_closes_it(store: Store) -> None:
    number = str(found(store))
    assert "acknowledged by ann" in run("ack", number, "--as", "ann", "--note", "on it").output
    assert told("list")["alerts"][0]["state"] == "acknowledged"
    assert told("resolve", number, "--as", "ann")["resolved_by"] == "ann"
    with pytest.raises(Refused):
        CliRunner().invoke(app, ["alerts", "ack", number], catch_exceptions=False)


def test_a_silence_is_made_shown_and_ended(store: Store, web: Web) -> None:
    made = told("silence", "--kind", "dr*", "--hours", "2", "--reason", "import", "--as", "ann")
    found(store)
    assert run("deliver", "--once").exit_code == 0
    assert web.taken == []
    assert "silence 1: dr* of * until" in run().output
    assert told("list")["alerts"][0]["state"] == "silenced"
    assert run("unsilence", str(made["id"])).output == "silence 1 is over\n"
    assert [each.body["event"] for each in web.taken] == ["opened"]


def test_channels_are_listed_and_tried_without_their_secrets(web: Web) -> None:
    (channel,) = told("channels")["channels"]
    assert (channel["name"], channel["place"], channel["undelivered"]) == (
        "ops",
        "127.0.0.1/…",
        0,
    )
    good = run("test", "ops")
    assert (good.exit_code, good.output) == (0, "ops (127.0.0.1/…): accepted the message\n")
    assert web.taken[0].body["event"] == "test"
    web.status = 404
    bad = run("test", "ops")
    assert bad.exit_code == 1
    assert "answered 404" in bad.output
    assert "hush" not in good.output + bad.output + run("channels").output
    with pytest.raises(NotFound, match="RUNLORE_ALERT_CHANNELS has: ops"):
        CliRunner().invoke(app, ["alerts", "test", "oops"], catch_exceptions=False)


def test_what_was_not_delivered_is_seen_everywhere(store: Store, web: Web) -> None:
    web.status = 500
    found(store)
    assert run("deliver", "--once").exit_code == 1
    assert "channel ops: 1 undelivered" in run().output
    assert told("list")["undelivered"][0]["error"] == "answered 500 ok"
    assert told("list")["alerts"][0]["undelivered"] == ["ops"]
    assert told("channels")["channels"][0]["error"] == "answered 500 ok"
    status = CliRunner().invoke(app, ["status"]).output
    assert "Open alerts: 1 warning" in status
    assert "Alerts not delivered to ops: 1 (answered 500 ok)" in status
    doctor = CliRunner().invoke(app, ["doctor", "--json"])
    wrong = [each for each in json.loads(doctor.output)["findings"] if each["check"] == "alerts"]
    assert [each["verdict"] for each in wrong] == ["wrong"]
    assert doctor.exit_code == 1


def test_a_wrong_setting_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_ALERT_CHANNELS", '{"ops": "https://hush"}')
    with pytest.raises(Misconfigured) as refused:
        CliRunner().invoke(app, ["alerts", "channels"], catch_exceptions=False)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_dispatcher_sends_what_others_raise_and_ends_cleanly(
    store: Store, web: Web, settings: Settings, number: signal.Signals
) -> None:
    command = (sys.executable, "-m", "runlore.cli", "alerts", "deliver")
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("runlore.alerts: delivering to: ops\n")
        raised = found(store)
        web.await_taken(1)
        assert settings.alerts_beat.exists()
        assert f": alert {raised} opened to ops: after " in process.stdout.readline()
    finally:
        process.send_signal(number)
        left, _ = process.communicate(timeout=60)
    assert (process.returncode, left) == (0, "")


def test_whoever_raises_an_alert_delivers_it_at_the_end(store: Store, web: Web) -> None:
    with open_app() as raising:
        found(raising.store)
        assert web.taken == []
    assert [each.body["event"] for each in web.taken] == ["opened"]


def test_who_raises_none_delivers_none_and_servers_leave_it_to_the_dispatcher(
    store: Store, web: Web
) -> None:
    with open_app(delivers=False) as server:
        found(server.store)
    with open_app() as reading, reading.store.begin():
        pass
    assert web.taken == []
    assert run("deliver", "--once").exit_code == 0
    assert len(web.taken) == 1
