"""Alertmanager as a channel: what it is sent, and what a real one makes of it."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from pydantic import SecretStr

from runlore.alerts import delivery
from runlore.alerts.delivery import DeliveryFailed, OutgoingMessage, parse
from runlore.alerts.delivery.channels import AnyChannel
from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.message import Message, example
from runlore.alerts.rules.state import Event
from runlore.kernel import instants
from runlore.kernel.errors import Misconfigured
from tests.alerts.receivers import Web
from tests.alerts.shapes import ALERTMANAGER

AT = datetime(2026, 11, 1, 6, tzinfo=UTC)
PROGRAM = shutil.which("prometheus-alertmanager")


def message(event: Event = "opened", severity: Severity = Severity.WARNING) -> Message:
    since = AT - timedelta(hours=2)
    return replace(example(), event=event, severity=severity, since=since, what="kind: 31 % new")


def send(url: str, sent: Message, at: datetime = AT, **more: str) -> None:
    channel: AnyChannel = parse(
        SecretStr(json.dumps({"it": {"kind": "alertmanager", "url": url, **more}}))
    )["it"]
    delivery.send(channel, OutgoingMessage(sent, "runlore-alert-17", at))


def posted(web: Web, sent: Message, **more: str) -> list[dict[str, Any]]:
    send(web.url + "/", sent, **more)
    body = json.loads(json.dumps(web.taken[-1].body))
    jsonschema.validate(body, ALERTMANAGER)
    assert web.taken[-1].path == "/api/v2/alerts"
    return list(body)


def test_an_alert_starts_with_its_trouble_and_ends_when_it_is_resolved(web: Web) -> None:
    (opened,) = posted(web, message())
    assert opened["labels"] == {
        "alertname": "RunloreDrift",
        "kind": "drift",
        "subject": "failure-risk",
        "severity": "warning",
    }
    assert opened["annotations"]["summary"] == "kind: 31 % new"
    assert datetime.fromisoformat(opened["startsAt"]) == AT - timedelta(hours=2)
    assert datetime.fromisoformat(opened["endsAt"]) > AT + timedelta(days=7)
    (resolved,) = posted(web, message("resolved"))
    assert resolved["labels"] == opened["labels"]
    assert datetime.fromisoformat(resolved["endsAt"]) == AT


def test_one_that_gets_worse_ends_the_milder_ones_of_its_cause(web: Web) -> None:
    worse, *milder = posted(web, message("escalated", Severity.CRITICAL))
    assert worse["labels"]["severity"] == "critical"
    assert {one["labels"]["severity"] for one in milder} == {"info", "warning"}
    assert all(datetime.fromisoformat(one["endsAt"]) == AT for one in milder)


def test_authorization_is_sent_and_in_no_error(web: Web) -> None:
    posted(web, message(), token="h0SECRET")
    assert web.taken[-1].headers["authorization"] == "Bearer h0SECRET"
    posted(web, message(), user="me", password="h0SECRET")
    assert web.taken[-1].headers["authorization"] == "Basic bWU6aDBTRUNSRVQ="
    web.status, web.answer = 401, b"not with h0SECRET"
    with pytest.raises(DeliveryFailed, match="answered 401 not with …"):
        send(web.url, message(), token="h0SECRET")
    with pytest.raises(Misconfigured, match="belong together"):
        send(web.url, message(), user="me")


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """The address of a real one, without a cluster."""
    if PROGRAM is None:
        pytest.skip("prometheus-alertmanager is not installed")
    (tmp_path / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [
        *(PROGRAM, f"--config.file={tmp_path / 'am.yml'}", f"--storage.path={tmp_path}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _await_ready(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("Alertmanager is not ready")


def test_a_real_alertmanager_holds_an_alert_until_its_end_comes(alertmanager: str) -> None:
    """Each with the clock of now, by which Alertmanager judges what is over."""

    def severities() -> list[str]:
        alerts = httpx.get(f"{alertmanager}/api/v2/alerts").json()
        return [one["labels"]["severity"] for one in alerts]

    def told(event: Event, severity: Severity) -> None:
        send(alertmanager, message(event, severity), instants.now())

    told("opened", Severity.WARNING)
    assert severities() == ["warning"]
    told("escalated", Severity.CRITICAL)
    assert severities() == ["critical"]
    told("resolved", Severity.CRITICAL)
    assert severities() == []
    with pytest.raises(DeliveryFailed, match="answered 404"):
        send(f"{alertmanager}/elsewhere", message(), instants.now())
