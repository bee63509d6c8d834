"""`runlore alerts`: list, acknowledge, silence and deliver alerts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from runlore.cli.alerts import output
from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    import threading
    from datetime import datetime

    from runlore.app import App
    from runlore.settings import Settings
    from runlore.store.engine import Store

alerts_group = typer.Typer(
    help="List, acknowledge, silence and deliver alerts.", invoke_without_command=True
)

HOUR_S = 3600.0

log = logging.getLogger("runlore.alerts")

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Id from the list.")]
Note = Annotated[str, typer.Option(help="Note; it is recorded.")]
By = Annotated[str | None, typer.Option("--as", help="Your name.  [default: your login]")]
Kind = Annotated[str, typer.Option(help="Pattern for kinds, such as drift or 'd*'.")]
Subject = Annotated[str, typer.Option(help="Pattern for subjects, such as failure-risk.")]


@alerts_group.callback()
def default(context: typer.Context) -> None:
    """List, acknowledge, silence and deliver alerts.

    Without a command, open alerts are listed.

    Example: runlore alerts
    """
    if context.invoked_subcommand is None:
        list_alerts()


@alerts_group.command("list")
def list_alerts(
    standing: Annotated[
        Literal["open", "resolved", "all"],
        typer.Option("--state", help="Only alerts in this state."),
    ] = "open",
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only this subject.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Maximum number, newest first.")
    ] = 100,
    json: Json = False,
) -> None:
    """List alerts, silences and undelivered messages.

    Example: runlore alerts list --state all --kind drift
    """
    from runlore.alerts.actions import handling
    from runlore.alerts.queries.alerts import AlertQuery

    with _opened() as (_, store, at):
        listing = handling.overview(store, AlertQuery(standing, kind, subject, limit=limit), at)
    if json:
        emit_json(output.overview(listing))
    else:
        output.show_overview(listing, standing)


@alerts_group.command()
def show(alert_id: Id, json: Json = False) -> None:
    """Show an alert with its evidence, history and deliveries.

    Example: runlore alerts show 12
    """
    from runlore.alerts.actions import handling

    with _opened() as (_, store, at):
        view = handling.show(store, alert_id, at)
    if json:
        emit_json(output.detail(view))
    else:
        output.show_detail(view)


@alerts_group.command()
def ack(alert_id: Id, note: Note = "", by: By = None, json: Json = False) -> None:
    """Acknowledge an alert: it is sent again only if it gets worse.

    Example: runlore alerts ack 12 --note "rolling back"
    """
    from runlore.alerts.actions import handling

    with _opened() as (_, store, at):
        alert = handling.acknowledge(store, alert_id, by or getuser(), note, at)
    output.show_handled(alert, json=json)


@alerts_group.command()
def resolve(alert_id: Id, note: Note = "", by: By = None, json: Json = False) -> None:
    """Close an alert; if its cause is found again, a new alert opens.

    Example: runlore alerts resolve 12 --note "was a planned import"
    """
    from runlore.alerts.actions import handling

    with _opened() as (_, store, at):
        alert = handling.close(store, alert_id, by or getuser(), note, at)
    output.show_handled(alert, json=json)


@alerts_group.command()
def silence(
    reason: Annotated[str, typer.Option(help="Reason; it is recorded.")],
    kind: Kind = "*",
    subject: Subject = "*",
    hours: Annotated[float, typer.Option(min=0.01, max=8784, help="Duration in hours.")] = 1.0,
    by: By = None,
    json: Json = False,
) -> None:
    """Silence alerts for a while: they are recorded but not sent.

    Alerts that are still open when the silence ends are sent then.

    Example: runlore alerts silence --kind drift --hours 4 --reason "importing last year"
    """
    from datetime import timedelta

    from runlore.alerts.actions import handling
    from runlore.alerts.rules.state import Silence

    with _opened() as (_, store, at):
        until = at + timedelta(seconds=hours * HOUR_S)
        new = Silence(0, kind, subject, until, by or getuser(), reason, at)
        made = handling.silence(store, new)
    if json:
        emit_json(output.silence(made))
    else:
        echo(f"silence {made.id}: {output.words(made)}")


@alerts_group.command()
def unsilence(
    silence_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Id of the silence.")],
    by: By = None,
    json: Json = False,
) -> None:
    """End a silence now.

    Example: runlore alerts unsilence 3
    """
    from runlore.alerts.actions import handling

    with _opened() as (_, store, at):
        ended = handling.unsilence(store, silence_id, by or getuser(), at)
    if json:
        emit_json(output.silence(ended))
    else:
        echo(f"silence {ended.id} is over")


@alerts_group.command()
def channels(json: Json = False) -> None:
    """List the configured channels and their errors.

    Secrets are not shown.

    Example: runlore alerts channels
    """
    from runlore.alerts.actions import handling
    from runlore.alerts.delivery import parse
    from runlore.alerts.queries.alerts import AlertQuery

    with _opened() as (settings, store, at):
        known = parse(settings.alert_channels)
        trouble = handling.overview(store, AlertQuery(limit=1), at).trouble
    rows = output.channels(known, trouble)
    if json:
        emit_json({"channels": rows})
    else:
        output.show_channels(rows)


@alerts_group.command("test")
def try_out(
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="Name of the channel in the settings.")
    ],
    json: Json = False,
) -> None:
    """Send a test message to a channel.

    The exit code is 0 only if the message was accepted; then an alert about the channel is over.

    Example: runlore alerts test ops
    """
    from runlore.alerts.actions import delivery
    from runlore.alerts.delivery import parse
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import NotFound

    with open_app() as app:
        known = parse(app.settings.alert_channels)
        if channel not in known:
            names = ", ".join(known) or "none"
            raise NotFound(f"no channel is named {channel!r}; RUNLORE_ALERT_CHANNELS has: {names}")
        error = delivery.try_out(app.store, channel, known[channel], instants.now())
    place = known[channel].place
    if json:
        emit_json({"channel": channel, "place": place, "is_taken": error is None, "error": error})
    else:
        echo(f"{channel} ({place}): {error or 'accepted the message'}")
    if error is not None:
        raise typer.Exit(1)


@alerts_group.command()
def deliver(
    once: Annotated[bool, typer.Option("--once", help="Send due messages, then exit.")] = False,
    json: Json = False,
) -> None:
    """Send alert messages and start due flows until Ctrl-C; failed messages are retried.

    It judges new points of metrics and service objectives, and tells Prefect when a rollout, an
    A/B test or a training is due, by an event. `runlore up` runs this command. With --once, the
    exit code is 1 if a message failed.

    Example: runlore alerts deliver --once
    """
    from runlore.alerts.actions import delivery
    from runlore.alerts.delivery import parse
    from runlore.app import open_app

    tell = output.emit_attempt if json else output.show_attempt
    with open_app() as app:
        settings, store = app.settings, app.store
        known = parse(settings.alert_channels)
        if not once:
            _watch(app)
            return
        done = delivery.deliver(store, known)
    for attempt in done:
        tell(attempt)
    if any(attempt.error for attempt in done):
        raise typer.Exit(1)


def _watch(app: "App") -> None:
    """Deliver in this thread until the end; the others watch meanwhile."""
    from runlore import process
    from runlore.alerts.actions import delivery
    from runlore.alerts.actions.disk_watch import DiskWatch
    from runlore.alerts.delivery import parse
    from runlore.reports.actions.late_reports import ReportWatch

    process.log_as("alerts")
    settings, store = app.settings, app.store
    end = _end_by_signal()
    known = parse(settings.alert_channels)
    beat = settings.alerts_beat
    beat.parent.mkdir(parents=True, exist_ok=True)
    log.info("delivering to: %s", ", ".join(known) or "no channel; see RUNLORE_ALERT_CHANNELS")
    watchers = _watchers(app, end)
    for watcher in watchers:
        watcher.start()
    disk, late = DiskWatch(settings, store), ReportWatch(store)

    def on_beat() -> None:
        beat.touch()
        disk.check()
        late.check()

    delivery.watch(store, known, end, on_beat, output.log_attempt)
    end.set()
    for watcher in watchers:
        watcher.join()


def _watchers(app: "App", end: "threading.Event") -> list["threading.Thread"]:
    """Threads for what is due for Prefect, new points, service objectives and security events."""
    import threading

    from runlore.advice.actions import security_watch
    from runlore.signals.actions import objective_watch, streaming
    from runlore.stack.services import prefect_api
    from runlore.triggers import actions

    settings, store = app.settings, app.store
    due = (store, prefect_api(settings), app.specs, end)
    points = (store, end, settings.alarms_a_week)
    budgets = (store, app.objectives, end)
    events = (store, settings.sigma_rules, settings.alarms_a_week, end)
    return [
        threading.Thread(target=actions.watch, args=due, name="due work"),
        threading.Thread(target=streaming.watch, args=points, name="new points"),
        threading.Thread(target=objective_watch.watch, args=budgets, name="objectives"),
        threading.Thread(target=security_watch.watch, args=events, name="security events"),
    ]


def _end_by_signal() -> "threading.Event":
    """Set when the process is asked to end."""
    import signal
    import threading

    end = threading.Event()

    def stop(*_: Any) -> None:  # noqa: ANN401  (a signal and its frame)
        end.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return end


@contextmanager
def _opened() -> Iterator[tuple["Settings", "Store", "datetime"]]:
    from runlore.app import open_app
    from runlore.kernel import instants

    with open_app() as app:
        yield app.settings, app.store, instants.now()
