"""Reports that come by themselves: due in time, made once, and sent until they arrive."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from runlore.alerts.actions import handling
from runlore.alerts.delivery import MessageAttachment, parse
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.reports.actions import due_reports, late_reports, scheduling, sending
from runlore.reports.rules.request import ReportPrices
from runlore.reports.rules.schedule import ReportSchedule, due_periods, next_due
from runlore.store.engine import Store
from tests.alerts.receivers import Post, Web, http_server, smtp_server

MADE = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday
LATER = datetime(2026, 11, 24, tzinfo=UTC)  # three weeks have ended
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def schedule(name: str = "team", **changes) -> ReportSchedule:
    fields = {
        "id": 0, "name": name, "every": "week", "zone": "Europe/Berlin", "due_time": "06:00",
        "work": {"scope": None, "kind": None, "actor": None}, "channels": (),
        "attachment": "none", "created_at": MADE, "created_by": "ann",
    }  # fmt: skip
    return ReportSchedule(**(fields | changes))


def make(store: Store, at: datetime = LATER) -> list[due_reports.DueOutcome]:
    return due_reports.make_due(store, (), ReportPrices(), at)


def before_the_last_due_time() -> datetime:
    """When a weekly schedule was made that is due once until now, whatever the day of the week."""
    past = datetime.now(UTC) - timedelta(hours=6)  # noqa: TID251  (due at 06:00 on Mondays)
    return past - timedelta(days=past.weekday(), hours=past.hour + 12)


def rows(store: Store, query: str) -> list:
    with store.begin() as connection:
        return list(connection.execute(text(query)))


def open_alerts(store: Store) -> list:
    found = handling.overview(store, AlertQuery(), datetime.now(UTC))  # noqa: TID251
    return [view.alert for view in found.alerts]


@settings(max_examples=60)
@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
    st.sampled_from(["week", "month"]),
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(1, 300),
)
def test_each_period_is_due_once_at_its_local_time(
    created: datetime, every: str, zone: str, hour: int, days: int
) -> None:
    one = schedule(every=every, zone=zone, due_time=f"{hour:02d}:30",
                   created_at=created.replace(tzinfo=UTC))  # fmt: skip
    at = one.created_at + timedelta(days=days)
    due = due_periods(one, at)
    for before, after in pairwise(due):
        assert before.period.after == after.period.first
        assert before.due_at < after.due_at
    for part in due:
        local = part.due_at.astimezone(ZoneInfo(zone))
        assert local.date() == part.period.after
        assert part.period.ends_at > one.created_at, "a period before the schedule is not reported"
        is_skipped = (local.hour, local.minute) != (hour, 30)
        assert not is_skipped or part.due_at.astimezone(UTC) != local, "clocks skip this time"
        assert part.due_at <= at < next_due(one, at)


def test_clocks_that_change_move_no_report_to_another_hour() -> None:
    one = schedule(created_at=datetime(2026, 3, 16, tzinfo=UTC))
    due = due_periods(one, datetime(2026, 4, 7, tzinfo=UTC))
    local = [part.due_at.astimezone(ZoneInfo("Europe/Berlin")) for part in due]
    assert [f"{at:%d.%m. %H:%M}" for at in local] == [
        "23.03. 06:00",
        "30.03. 06:00",
        "06.04. 06:00",
    ]
    assert due[1].due_at - due[0].due_at == timedelta(days=7, hours=-1)


def test_after_a_long_stop_the_newest_reports_are_made(store: Store) -> None:
    assert len(due_periods(schedule(), MADE + timedelta(days=700))) == 12


def test_due_reports_are_made_once_each(store: Store) -> None:
    scheduling.schedule_report(store, schedule(), ())
    assert make(store, MADE) == []
    made = make(store)
    assert [one.period for one in made] == [
        "2 to 8 November 2026", "9 to 15 November 2026", "16 to 22 November 2026",
    ]  # fmt: skip
    assert make(store) == []
    assert rows(store, "SELECT count(*), count(DISTINCT first_day) FROM runlore.reports") == [
        (3, 3)
    ]
    [view] = scheduling.list_schedules(store, LATER)
    assert view.next_due == datetime(2026, 11, 30, 5, tzinfo=UTC)
    assert view.last_done is not None


def test_a_schedule_is_checked_and_ends(store: Store) -> None:
    with pytest.raises(BadInput, match="no channel of alerts; there are: none"):
        scheduling.schedule_report(store, schedule(channels=("mail",)), ())
    with pytest.raises(BadInput, match="no time zone"):
        schedule(zone="Europe/Nowhere")
    with pytest.raises(BadInput, match="not a time like 06:00"):
        schedule(due_time="25:00")
    scheduling.schedule_report(store, schedule(), ())
    with pytest.raises(Refused, match="exists"):
        scheduling.schedule_report(store, schedule(), ())
    scheduling.unschedule_report(store, "team", "bob", MADE)
    assert make(store) == []
    with pytest.raises(NotFound):
        scheduling.unschedule_report(store, "team", "bob", MADE)
    scheduling.schedule_report(store, schedule(), ())


def test_many_at_once_make_each_report_once(store: Store) -> None:
    for number in range(4):
        scheduling.schedule_report(store, schedule(f"s{number}"), ())
    threads = [threading.Thread(target=make, args=(store,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(store, "SELECT count(*) FROM runlore.reports") == [(12,)]
    assert rows(store, "SELECT count(*) FROM runlore.report_runs WHERE done_at IS NULL") == [(0,)]


def test_a_report_that_fails_is_an_alert_at_once_and_is_made_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduling.schedule_report(store, schedule(), ())
    scheduling.schedule_report(store, schedule("other"), ())
    real = due_reports.compose

    def broken(store_: Store, specs, request):
        with store.begin() as connection:
            connection.execute(text("SELECT 1 / :n"), {"n": 0 if breaks else 1})
        return real(store_, specs, request)

    breaks = True
    monkeypatch.setattr(due_reports, "compose", broken)
    outcomes = make(store)
    assert len(outcomes) == 6
    assert all("division by zero" in str(one.error) for one in outcomes)
    assert {alert.subject for alert in open_alerts(store)} == {"team", "other"}
    assert "division by zero" in open_alerts(store)[0].what
    assert make(store) == [], "not before its next instant"
    breaks = False
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.report_runs SET next_at = now()"))
    assert [one.error for one in make(store)] == [None] * 6
    assert open_alerts(store) == []


def test_a_report_that_nobody_makes_is_an_alert(store: Store) -> None:
    made_at = before_the_last_due_time()
    scheduling.schedule_report(store, schedule(created_at=made_at, zone="UTC"), ())
    assert late_reports.find_late(store, 3600.0) == []
    assert [run.name for run in late_reports.find_late(store, 0.0)] == ["team"]
    [alert] = open_alerts(store)
    assert (alert.kind, alert.subject) == ("report", "team")
    assert "nobody has begun it" in alert.what
    make(store, datetime.now(UTC))  # noqa: TID251
    assert open_alerts(store) == []


def test_reports_that_stand_in_line_are_not_late(store: Store) -> None:
    made_at = before_the_last_due_time()
    for name in ("team", "other"):
        scheduling.schedule_report(store, schedule(name, created_at=made_at, zone="UTC"), ())
    assert [run.name for run in late_reports.find_late(store, 0.0)] == ["other", "team"]
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.report_runs SET next_at = now() - interval '1 h'"))
    assert [run.name for run in late_reports.find_late(store, 40.0)] == ["other", "team"]
    finish = "UPDATE runlore.report_runs SET done_at = now() - make_interval(secs => :ago) WHERE id"
    first = "(SELECT min(id) FROM runlore.report_runs)"
    for ago, late in ((10, 0), (60, 1)):
        with store.begin() as connection:
            connection.execute(text(f"{finish} = {first}"), {"ago": ago})
        assert len(late_reports.find_late(store, 40.0)) == late


WORKER = """
import sys, time
from datetime import UTC, datetime
from runlore.reports.actions import composing, due_reports
from runlore.reports.rules.request import ReportPrices
from runlore.store.engine import connect
real = due_reports.compose
def slow(*arguments):
    document = real(*arguments)
    print("composed", flush=True)
    time.sleep(float(sys.argv[2]))
    return document
due_reports.compose = slow
due_reports.make_due(connect(sys.argv[1]), (), ReportPrices(), datetime(2026, 11, 24, tzinfo=UTC))
"""


def test_a_worker_that_is_killed_half_way_leaves_the_report_to_another(store: Store) -> None:
    scheduling.schedule_report(store, schedule(), ())
    command = [sys.executable, "-c", WORKER, store.url, "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "composed\n"
        assert rows(store, "SELECT count(*) FROM runlore.reports") == [(0,)]
        assert late_reports.find_late(store, 0.0)[0].attempts == 0, "the one in work is left out"
        os.kill(worker.pid, signal.SIGKILL)
    [(due,)] = rows(store, "SELECT count(*) FROM runlore.report_runs")
    assert due >= 3
    until = time.monotonic() + 60
    done: list[due_reports.DueOutcome] = []
    while len(done) < due and time.monotonic() < until:
        done += make(store)
    assert len(done) == due
    attempts = rows(store, "SELECT attempts FROM runlore.report_runs ORDER BY first_day")
    assert attempts == [(2,), *[(1,)] * (due - 1)]


@contextmanager
def channels(web: Web, post: Post) -> Iterator[dict]:
    declared = (
        f'{{"hook": {{"kind": "webhook", "url": "{web.url}/h"}}, "mail": {{"kind": "email",'
        f' "host": "127.0.0.1", "port": {post.port}, "tls": "none", "from": "r@x.example",'
        ' "to": ["ann@x.example"]}}'
    )
    yield dict(parse(SecretStr(declared)))


def render(stored, form: str) -> MessageAttachment | None:
    return MessageAttachment(f"report.{form}", "text/html", b"<p>report</p>")


def test_a_report_is_sent_to_each_channel_and_an_outage_delays_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE_S", 0.0)
    with (
        http_server(Web(status=503)) as web,
        smtp_server(Post()) as post,
        channels(web, post) as to,
    ):
        one = schedule(channels=("hook", "mail"), attachment="html")
        scheduling.schedule_report(store, one, to)
        make(store, datetime(2026, 11, 10, tzinfo=UTC))
        sent = sending.send_reports(store, to, "http://console/reports", render)
        assert {attempt.channel: attempt.error is None for attempt in sent} == {
            "hook": False, "mail": True,
        }  # fmt: skip
        [alert] = open_alerts(store)
        assert (alert.kind, alert.subject) == ("delivery", "hook"), "told at the first failure"
        [mail] = post.mails
        assert "Report team, 2 to 8 November 2026" in mail["Subject"]
        body = mail.get_body()
        assert body is not None
        assert "No execution was submitted" in body.get_content()
        assert "http://console/reports/1" in body.get_content()
        [attached] = mail.iter_attachments()
        assert attached.get_filename() == "report.html"
        assert attached.get_content().strip() == "<p>report</p>"
        web.status = 200
        with store.begin() as connection:
            connection.execute(text("UPDATE runlore.report_deliveries SET next_at = now()"))
        sending.send_reports(store, to, "http://console/reports", render)
        [received] = web.taken
        assert received.headers["idempotency-key"].startswith("runlore-report-")
        assert received.headers["idempotency-key"] == web.refused[0].headers["idempotency-key"]
        assert received.body["event"] == "report"
        assert received.body["command"] == "runlore reports show 1"
        assert received.body["evidence"]["figures"]["executions"] == 0
        assert open_alerts(store) == []
        assert sending.send_reports(store, to, "", render) == []
        assert len(post.mails) == 1
