"""Security events: from a log to alerts by command, HTTP, the watch and OpsConductor's words."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from bentos.dialects.opsconductor_security import EXAMPLE, MONITOR
from bentos.predict.live_versions import Serving
from runlore.advice.actions import security_watch
from runlore.advice.actions.security import SecurityQuery, find_incidents
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.actions.security_watch import KIND, watch_security
from runlore.alerts.queries.alerts import AlertQuery, read
from runlore.alerts.queries.anomalies import read_open
from runlore.cli import app
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel import instants
from runlore.settings import Settings
from tests.bentos.conftest import serve

__all__ = ["serve"]

NOW = instants.now().replace(microsecond=0)
BEGIN = NOW - timedelta(hours=3)


def line(at, message, program="sshd[9]"):
    return f"{at:%Y-%m-%dT%H:%M:%SZ} web-1 {program}: {message}\n"


def login(at, user="ann", address="203.0.113.9", *, failed=True):
    said = "Failed" if failed else "Accepted"
    return line(at, f"{said} password for {user} from {address} port 22 ssh2")


def attack(begin, count=12):
    """Failures each ten seconds, and then a success."""
    tries = [login(begin + timedelta(seconds=10 * n)) for n in range(count)]
    return [*tries, login(begin + timedelta(minutes=5), failed=False)]


@pytest.fixture
def bring(store, tmp_path):
    """Ingests lines as an auth.log."""

    def ingest(lines, name="auth"):
        path = tmp_path / f"{name}.log"
        path.write_text("".join(lines))
        return ingest_file(store, FileSource(path, "auth-log", "auth"), NOW + timedelta(days=3))

    return ingest


def alerts(store, standing="open"):
    with store.begin() as connection:
        return read(connection, AlertQuery(standing, KIND))


def test_an_attack_in_a_log_is_one_alert_by_command_and_over_http(
    bring, store, settings: Settings, serve, monkeypatch, tmp_path
):
    quiet = [login(BEGIN + timedelta(minutes=n), "bob", "192.0.2.1", failed=False) for n in (1, 9)]
    bring([*attack(BEGIN), *quiet])
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    done = CliRunner().invoke(app, ["advise", "security", "--json"])
    assert done.exit_code == 1, done.output
    shown = json.loads(done.stdout)
    [alert] = shown["alerts"]
    assert (alert["cause"], alert["cause_kind"], alert["level"]) == (
        "203.0.113.9",
        "address",
        "critical",
    )
    rules = {one["rule"]: one for one in alert["rules"]}
    assert set(rules) == {"success_after_failures", "brute_force"}
    assert alert["events"] == 13
    assert instants.parse(alert["first_at"]) == BEGIN
    assert instants.parse(rules["brute_force"]["found_at"]) == BEGIN + timedelta(seconds=90)
    assert alert["users"] == ["ann"]
    text = CliRunner().invoke(app, ["advise", "security"]).output
    assert "15 events checked" in text
    early = (BEGIN - timedelta(days=1)).isoformat()
    before = CliRunner().invoke(app, ["advise", "security", "--as-of", early, "--json"])
    assert (before.exit_code, json.loads(before.stdout)["alerts"]) == (0, [])
    service = serve(Serving((), store=store, live={}))
    page = service.get("/security/alerts").json()
    assert page["events"] == 15
    assert [one["cause"] for one in page["alerts"]] == ["203.0.113.9"]
    assert service.get("/security/alerts?cause=ann").json()["alerts"] == []
    for query in ("since=yesterday", "level=loud", "since=1999-01-01T00:00:00Z"):
        answer = service.get(f"/security/alerts?{query}")
        assert (answer.status_code, query.split("=")[0] in answer.text) == (422, True)
    (tmp_path / "bad.yml").write_text("title: [")
    listed = CliRunner().invoke(
        app, ["advise", "security", "rules", "--rules", str(tmp_path), "--json"]
    )
    assert listed.exit_code == 1
    assert json.loads(listed.stdout)["refused"][0]["file"] == "bad.yml"
    assert service.get("/security/rules").json()["refused"] == []


def test_events_that_are_sent_are_checked_and_not_kept(store, serve):
    service = serve(Serving((), store=store, live={}))
    answer = service.post(MONITOR, json=EXAMPLE)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    by_cause = {one["affected"]: one for one in body["alerts"]}
    attacker = by_cause["203.0.113.9"]
    assert (attacker["alert_type"], attacker["severity"]) == ("success_after_failures", "critical")
    assert (attacker["event_count"], body["checked"]) == (13, 13)
    assert service.post(MONITOR, json={}).json()["alerts"] == []
    fields = {"network.direction": "outbound", "network.bytes": "60000000000"}
    sent = {"timestamp": "2026-11-01T00:00:00Z", "action": "transfer", "outcome": "success"}
    sent |= {"user": "eve", "fields": fields}
    [found] = service.post(MONITOR, json={"events": [sent]}).json()["alerts"]
    assert found["alert_type"] == "exfiltration"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": []}, "events"),
        ({"events": [{"action": "login"}]}, "timestamp"),
        ({"events": [{"timestamp": "2026-11-01T00:00:00Z", "action": "a\x00"}]}, "action"),
        ({"events": [{"timestamp": "now", "action": "a"}]}, "timestamp"),
        ({"hours": 0}, "hours"),
        ({"host": "x"}, "host"),
    ],
)
def test_a_wrong_request_names_its_field(store, serve, body, field):
    service = serve(Serving((), store=store, live={}))
    answer = service.post(MONITOR, json=body)
    assert (answer.status_code, field in answer.text) == (422, True), answer.text


def test_the_watch_goes_on_where_it_stopped_and_counts_late_events(bring, store):
    rules = load_rules()
    whole = attack(BEGIN)
    bring(whole[:9])
    first = watch_security(store, rules, 1.0, NOW)
    assert (first.events, alerts(store)) == (9, [])
    bring(whole[10:12], "late")
    assert watch_security(store, rules, 1.0, NOW).events == 2
    [alert] = alerts(store)
    assert alert.evidence["rules"] == ["brute_force"]
    bring(whole[9:10], "later still")
    assert watch_security(store, rules, 1.0, NOW).events == 1
    bring(whole[12:], "success")
    watch_security(store, rules, 1.0, NOW)
    [alert] = alerts(store)
    assert alert.severity == "critical"
    assert set(alert.evidence["rules"]) == {"success_after_failures", "brute_force"}
    assert alert.evidence["events"] == 13
    known = find_incidents(store, rules, SecurityQuery(BEGIN, NOW, 1.0)).incidents
    assert [one.subject for one in known] == [alert.subject]
    again = watch_security(store, rules, 1.0, NOW + timedelta(minutes=1))
    assert (again.events, len(alerts(store))) == (0, 1)
    watch_security(store, rules, 1.0, NOW + timedelta(hours=30))
    assert alerts(store) == []
    assert len(alerts(store, "all")) == 1


def test_old_events_raise_no_alert_and_a_look_needs_news(bring, store):
    bring(attack(NOW - timedelta(days=40)))
    assert security_watch.look(store, None, 1.0)
    with store.begin() as connection:
        assert read_open(connection, KIND) == []
    since = NOW - timedelta(days=60)
    found = find_incidents(store, load_rules(), SecurityQuery(since, NOW, 1.0))
    assert len(found.incidents) == 1, "the command shows them"
    bring(attack(BEGIN), "new")
    assert security_watch.look(store, None, 1.0)
    with store.begin() as connection:
        [alert] = read_open(connection, KIND)
    assert alert.subject == "source.ip 203.0.113.9"
    assert datetime.fromisoformat(alert.evidence["first_at"]).astimezone(UTC) == BEGIN
