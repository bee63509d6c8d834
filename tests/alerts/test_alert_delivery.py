"""From a finding in a transaction to a message that arrives, once, whatever fails on the way."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runlore.alerts.actions import delivery as alert_delivery
from runlore.alerts.actions import handling
from runlore.alerts.actions.delivery import Attempt, deliver
from runlore.alerts.delivery import Channels, parse
from runlore.alerts.queries import anomalies
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules import release
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.state import Silence
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Store
from tests.alerts.receivers import Post, Web, http_server, smtp_server

AT = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DRIFT = AlertFinding("drift", "duration", Severity.WARNING, "it moved", "sure", "look")


@pytest.fixture
def web() -> Iterator[Web]:
    with http_server(Web()) as served:
        yield served


@pytest.fixture
def post() -> Iterator[Post]:
    with smtp_server(Post()) as served:
        yield served


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds instead of seconds."""
    monkeypatch.setattr(release, "FIRST_S", 0.02)
    monkeypatch.setattr(alert_delivery, "POLL_S", 0.05)


def channels(**declared: dict[str, Any]) -> Channels:
    return parse(SecretStr(json.dumps(declared)))


def to(web: Web, **more: Any) -> dict[str, Any]:
    return {"kind": "webhook", "url": web.url, **more}


def mail_to(post: Post) -> dict[str, Any]:
    where = {"host": "127.0.0.1", "port": post.port, "tls": "none"}
    return {"kind": "email", **where, "from": "runlore@here", "to": ["ops@here"]}


def found(store: Store, at: datetime = AT, **changes: Any) -> int:
    with store.begin() as connection:
        return handling.raise_alert(connection, AlertFinding(**{**vars(DRIFT), **changes}), at).id


def quiet(store: Store, at: datetime, kind: str = "drift", subject: str = "duration") -> None:
    with store.begin() as connection:
        handling.resolve_alert(connection, kind, subject, at)


def silenced(store: Store, kind: str = "*", subject: str = "*") -> Silence:
    now = instants.now()
    return handling.silence(
        store, Silence(0, kind, subject, now + timedelta(hours=1), "ann", "deploy", now)
    )


def told(web: Web) -> list[tuple[str, str]]:
    return [(each.body["event"], each.body["subject"]) for each in web.taken]


def rows(store: Store, query: str) -> list[Any]:
    with store.begin() as connection:
        return list(connection.execute(text(query)))


@contextmanager
def dispatcher(store: Store, where: Channels) -> Iterator[list[Attempt]]:
    done: list[Attempt] = []
    end = threading.Event()
    thread = threading.Thread(
        target=alert_delivery.watch, args=(store, where, end, lambda: None, done.append)
    )
    thread.start()
    try:
        yield done
    finally:
        end.set()
        thread.join(60)
        assert not thread.is_alive()


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not holds():
        time.sleep(0.01)
    return holds()


def test_twenty_findings_of_a_cause_are_one_alert_and_one_message(store: Store, web: Web) -> None:
    where = channels(ops=to(web))
    ids = set()
    for minutes in range(20):
        ids.add(found(store, AT + minutes * MINUTE))
        deliver(store, where)
    assert len(ids) == 1
    assert told(web) == [("opened", "duration")]
    (shown,) = handling.overview(store, AlertQuery(), instants.now()).alerts
    assert (shown.alert.count, shown.alert.seen_at) == (20, AT + 19 * MINUTE)


def test_an_anomaly_of_a_watcher_is_an_alert_in_the_same_transaction(
    store: Store, web: Web
) -> None:
    evidence = {
        "reasons": ["kind: 31 % unknown", "scope: moved"],
        "rows_current": 9000,
        "rows_reference": 120_000,
        "window_from": AT.isoformat(),
    }
    with store.begin() as connection:
        anomalies.open_anomaly(connection, "drift", "duration", "warning", evidence, AT)
    deliver(store, channels(ops=to(web)))
    body = web.taken[0].body
    assert body["what"] == "kind: 31 % unknown; scope: moved"
    assert body["certainty"] == "measured on 9,000 rows against 120,000"
    assert "runlore train duration" in body["advice"]
    assert body["since"] == AT.isoformat()
    with store.begin() as connection:
        anomalies.resolve_anomaly(connection, "drift", "duration", AT + MINUTE)
    deliver(store, channels(ops=to(web)))
    assert told(web) == [("opened", "duration"), ("resolved", "duration")]


def test_what_is_rolled_back_was_never_an_alert(store: Store, web: Web) -> None:
    with store.engine.connect() as connection:
        handling.raise_alert(connection, DRIFT, AT)
        connection.rollback()
    assert deliver(store, channels(ops=to(web))) == []
    assert handling.overview(store, AlertQuery("all"), AT).alerts == ()


def test_evidence_that_json_cannot_hold_costs_no_transaction(store: Store) -> None:
    evidence = {"share": float("nan"), "name": "a\x00b", "at": AT, "odd": object}
    number = found(store, what="a\x00b", evidence=evidence)
    assert handling.show(store, number, AT).alert.evidence["share"] == "nan"


def test_findings_of_many_processes_at_once_are_one_alert(store: Store) -> None:
    threads = [threading.Thread(target=found, args=(store,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (shown,) = handling.overview(store, AlertQuery(), AT).alerts
    assert shown.alert.count == 12
    assert rows(store, "SELECT count(*) FROM runlore.alert_notices") == [(1,)]


def test_it_rises_is_told_again_and_its_history_says_so(store: Store, web: Web) -> None:
    where = channels(ops=to(web), pager=to(web, at_least="critical"))
    number = found(store)
    deliver(store, where)
    found(store, AT + MINUTE, severity=Severity.CRITICAL)
    deliver(store, where)
    quiet(store, AT + 2 * MINUTE)
    deliver(store, where)
    assert sorted(told(web)) == sorted(
        [("opened", "duration")] + 2 * [("escalated", "duration"), ("resolved", "duration")]
    )
    detail = handling.show(store, number, AT)
    assert [each.event for each in detail.history] == ["opened", "escalated", "resolved"]
    assert [each.channel for each in detail.deliveries] == ["ops", "ops", "pager", "ops", "pager"]
    assert {each.state for each in detail.deliveries} == {"delivered"}


def test_history_is_only_added_to(store: Store) -> None:
    found(store)
    for change in ("DELETE FROM", "UPDATE"):
        what = " SET note = 'x'" if change == "UPDATE" else ""
        with pytest.raises(DBAPIError, match="only ever added"), store.begin() as connection:
            connection.execute(text(f"{change} runlore.alert_events{what}"))


def test_a_cause_that_flaps_pages_once_and_is_told_when_it_stays(store: Store, web: Web) -> None:
    where = channels(ops=to(web))
    for minutes in range(0, 20, 2):
        found(store, AT + minutes * MINUTE)
        deliver(store, where)
        quiet(store, AT + (minutes + 1) * MINUTE)
        deliver(store, where)
    assert told(web) == [("opened", "duration"), ("resolved", "duration")]
    found(store, AT + 30 * MINUTE)
    deliver(store, where)
    assert len(web.taken) == 2
    with store.begin() as connection:
        past = "UPDATE runlore.alert_notices SET due_at = now() WHERE decided_at IS NULL"
        connection.execute(text(past))
    deliver(store, where)
    assert told(web)[2:] == [("returned", "duration")]
    assert web.taken[2].body["returns"] == 10


def test_a_silence_keeps_what_it_covers_back_until_it_is_ended(store: Store, web: Web) -> None:
    where = channels(ops=to(web))
    kept = silenced(store, kind="dr*")
    number = found(store)
    found(store, kind="skew", severity=Severity.CRITICAL)
    deliver(store, where)
    assert told(web) == [("opened", "duration")]
    assert web.taken[0].body["kind"] == "skew"
    assert handling.show(store, number, instants.now()).silence == kept
    handling.unsilence(store, kept.id, "bob", instants.now())
    deliver(store, where)
    assert [each.body["kind"] for each in web.taken] == ["skew", "drift"]
    with pytest.raises(Refused, match="is over already"):
        handling.unsilence(store, kept.id, "bob", instants.now())


def test_what_began_and_ended_in_silence_is_on_record_and_told_nobody(
    store: Store, web: Web
) -> None:
    where = channels(ops=to(web))
    kept = silenced(store)
    number = found(store)
    deliver(store, where)
    quiet(store, AT + MINUTE)
    deliver(store, where)
    handling.unsilence(store, kept.id, "bob", instants.now())
    deliver(store, where)
    assert web.taken == []
    assert len(handling.show(store, number, AT).history) == 2


def test_somebody_takes_care_and_somebody_closes(store: Store, web: Web) -> None:
    where = channels(
        ops=to(web), pager={"kind": "pagerduty", "routing_key": "k" * 32, "url": web.url}
    )
    number = found(store)
    deliver(store, where)
    known = handling.acknowledge(store, number, "ann", "on it", AT + MINUTE)
    assert (known.acknowledged_by, known.note) == ("ann", "on it")
    deliver(store, where)
    closed = handling.close(store, number, "bob", "rolled back", AT + 2 * MINUTE)
    assert closed.resolved_by == "bob"
    deliver(store, where)
    actions = [each.body["event_action"] for each in web.taken if "event_action" in each.body]
    assert actions == ["trigger", "acknowledge", "resolve"]
    assert sum("event_action" not in each.body for each in web.taken) == 2
    detail = handling.show(store, number, AT)
    assert [(each.event, each.actor, each.note) for each in detail.history[1:]] == [
        ("acknowledged", "ann", "on it"),
        ("resolved", "bob", "rolled back"),
    ]
    with pytest.raises(Refused, match="was resolved already, by bob"):
        handling.acknowledge(store, number, "ann", "", AT)
    with pytest.raises(NotFound, match="no alert has the id 99"):
        handling.close(store, 99, "ann", "", AT)
    with pytest.raises(BadInput, match="actor"):
        handling.acknowledge(store, number, " ", "", AT)


def test_a_server_that_is_down_gets_it_once_when_it_is_back(store: Store, web: Web) -> None:
    down = Web()
    with http_server(down):
        pass
    where = channels(ops=to(down), other=to(web))
    with dispatcher(store, where) as done:
        found(store)
        assert within(60, lambda: len(web.taken) == 2), "the alert, and that it did not arrive"
        body = web.taken[1].body
        assert (body["kind"], body["subject"]) == ("delivery", "ops")
        assert "could not be delivered to ops (127.0.0.1/…)" in body["what"]
        (trouble,) = handling.overview(store, AlertQuery(), AT).trouble
        assert (trouble.channel, trouble.lost) == ("ops", 0)
        assert trouble.attempts >= 3
        with http_server(down):
            down.await_taken(1)
            assert within(60, lambda: len(web.taken) == 3), "and that it arrives again"
        assert told(web)[2] == ("resolved", "ops")
    assert told(down) == [("opened", "duration")]
    assert handling.overview(store, AlertQuery(), AT).trouble == ()
    failures = [each for each in done if each.error]
    assert len(failures) >= 3
    recorded = "SELECT count(*) FROM runlore.alert_attempts WHERE error IS NOT NULL"
    assert rows(store, recorded) == [(len(failures),)]


def test_a_server_that_answers_500_gets_it_once_when_it_is_well(store: Store, web: Web) -> None:
    web.status = 500
    with dispatcher(store, channels(ops=to(web))):
        found(store)
        assert within(60, lambda: len(web.refused) >= 3)
        web.status = 200
        web.await_taken(1)
        assert within(60, lambda: handling.overview(store, AlertQuery(), AT).trouble == ())
    assert told(web) == [("opened", "duration")]
    assert {each.headers["idempotency-key"] for each in web.refused + web.taken} == {
        web.taken[0].headers["idempotency-key"]
    }


def test_a_server_that_hangs_holds_nobody_else_up_and_gets_it_once(
    store: Store, web: Web, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runlore.alerts.delivery import posting

    monkeypatch.setattr(posting, "TOTAL_S", 1.0)
    subjects = ["a", "b", "c", "d", "e"]
    with http_server(Web(hangs=True)) as stuck:
        where = channels(stuck=to(stuck), ops=to(web), mail=mail_to(post))
        with dispatcher(store, where):
            for subject in subjects:
                found(store, subject=subject)
            web.await_taken(5)
            assert within(60, lambda: len(post.mails) >= 5)
            assert stuck.taken == []
            stuck.hangs = False
            stuck.await_taken(5)
            assert within(60, lambda: handling.overview(store, AlertQuery(), AT).trouble == ())
    about_work = sorted(subject for _, subject in told(stuck) if subject in subjects)
    assert about_work == subjects  # a busy machine may make another channel late: told as well


def test_of_one_alert_a_channel_gets_the_beginning_before_the_end(store: Store, web: Web) -> None:
    web.status = 503
    where = channels(ops=to(web))
    found(store)
    deliver(store, where)
    quiet(store, AT + MINUTE)
    deliver(store, where)
    web.status = 200
    assert within(60, lambda: bool(deliver(store, where)) or len(web.taken) == 2)
    assert within(60, lambda: bool(deliver(store, where)) or len(web.taken) == 2)
    assert told(web) == [("opened", "duration"), ("resolved", "duration")]


def test_what_arrives_for_a_day_at_no_time_is_lost_and_seen_to_be(store: Store, web: Web) -> None:
    web.status = 404
    where = channels(ops=to(web))
    number = found(store)
    alert_delivery.spread(store, where)
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.alert_notices SET at = now() - interval '25 hours'")
        )
        connection.execute(text("UPDATE runlore.alert_deliveries SET attempts = 100"))
    deliver(store, where)
    (delivery,) = handling.show(store, number, AT).deliveries
    assert (delivery.state, delivery.attempts) == ("lost", 101)
    (trouble,) = handling.overview(store, AlertQuery(), AT).trouble
    assert (trouble.lost, trouble.error) == (1, "answered 404 ok")
    (about, _) = handling.overview(store, AlertQuery(), AT).alerts
    assert (about.alert.kind, about.alert.severity) == ("delivery", Severity.CRITICAL)


def test_what_waits_for_a_channel_that_is_no_more_is_lost_after_a_day(
    store: Store, web: Web
) -> None:
    found(store)
    web.status = 500
    deliver(store, channels(old=to(web)))
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.alert_notices SET at = now() - interval '25 hours'")
        )
    time.sleep(0.05)
    deliver(store, channels(new=to(web)))
    assert rows(store, "SELECT state FROM runlore.alert_deliveries") == [("lost",)]


def test_several_who_deliver_at_once_send_each_message_once(store: Store, web: Web) -> None:
    where = channels(ops=to(web))
    with dispatcher(store, where), dispatcher(store, where):
        for number in range(20):
            found(store, subject=f"spec-{number}")
            deliver(store, where)
        web.await_taken(20)
        assert within(60, lambda: deliver(store, where) == [])
    assert sorted(told(web)) == sorted(("opened", f"spec-{n}") for n in range(20))


def test_without_channels_alerts_wait_for_the_first_who_has_some(store: Store, web: Web) -> None:
    found(store)
    assert deliver(store, {}) == []
    deliver(store, channels(ops=to(web)))
    assert told(web) == [("opened", "duration")]


def test_a_dispatcher_outlives_a_database_that_goes_away(store: Store, web: Web) -> None:
    with dispatcher(store, channels(ops=to(web))) as done:
        found(store, subject="before")
        assert within(60, lambda: len(done) == 1), "sent, and committed"
        with store.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'runlore' AND pid <> pg_backend_pid()"
                )
            )
        found(store, subject="after")
        web.await_taken(2)
    assert told(web) == [("opened", "before"), ("opened", "after")]


def test_an_alert_whose_process_was_killed_arrives_by_webhook_and_mail(
    store: Store, web: Web, post: Post
) -> None:
    """The process commits and is killed before it sends; the dispatcher does."""
    import signal
    import subprocess
    import sys

    script = """
import os, signal, sys
from datetime import UTC, datetime
from runlore.alerts.queries import anomalies
from runlore.store.engine import connect
with connect(sys.argv[1]).begin() as connection:
    anomalies.open_anomaly(
        connection, "drift", "duration", "critical", {"reasons": ["moved"]}, datetime.now(UTC)
    )
os.kill(os.getpid(), signal.SIGKILL)
"""
    with dispatcher(store, channels(ops=to(web), mail=mail_to(post))) as done:
        killed = subprocess.run([sys.executable, "-c", script, store.url], check=False)
        assert killed.returncode == -signal.SIGKILL
        web.await_taken(1)
        assert within(60, lambda: len(done) == 2)
    assert told(web) == [("opened", "duration")]
    assert [each["subject"] for each in post.mails] == ["[critical] drift of duration: moved"]
