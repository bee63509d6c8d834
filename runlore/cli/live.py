"""`runlore live`: how everything stands, and what happens."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.live.actions.snapshot import LiveSnapshot
    from runlore.live.rules.stream import Cursor, LiveEvent, Subscription
    from runlore.store.engine import Store

TOPIC_HELP = "Only this topic, such as alerts; may be repeated."
NO_END = 10 * 365 * 86_400.0


def live(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")
    ] = False,
    topic: Annotated[list[str] | None, typer.Option(help=TOPIC_HELP)] = None,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Begin after this cursor.")
    ] = None,
    last: Annotated[int, typer.Option(min=0, max=10_000, help="Newest events to begin with.")] = 10,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="With --follow: end after so many seconds.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how everything stands and the newest events; with --follow, go on with what happens.

    With --follow and --json, each event is one JSON object on a line of its own.

    Example: runlore live --follow --topic alerts --topic rollouts
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.live.actions.reading import start_of_newest
    from runlore.live.actions.snapshot import read_snapshot
    from runlore.live.rules.stream import Cursor, parse_topics

    subscription = parse_topics(topic or [])
    begin = None if after is None else Cursor.parse(after)
    with open_app() as app:
        cursor = begin or start_of_newest(app.store, last)
        if follow:
            for event in _follow(app.store, cursor, subscription, seconds):
                _show_event(event, as_json=json)
            return
        snapshot = read_snapshot(app.store, instants.now())
        events = _until_now(app.store, cursor, subscription)
    if json:
        emit_json({**vars(snapshot), "cursor": str(snapshot.cursor), "events": events})
    else:
        _show_snapshot(snapshot)
        for event in events:
            _show_event(event, as_json=False)


def _until_now(store: "Store", cursor: "Cursor", subscription: "Subscription") -> "list[LiveEvent]":
    from runlore.live.actions.reading import read_new

    events: list[LiveEvent] = []
    is_more = True
    while is_more:
        page = read_new(store, cursor, subscription, 1000)
        events += page.events
        cursor, is_more = page.cursor, page.more
    return events


def _follow(
    store: "Store", cursor: "Cursor", subscription: "Subscription", seconds: float | None
) -> "Iterator[LiveEvent]":
    from runlore.live.actions.following import StreamFollower

    follower = StreamFollower(store, cursor, subscription=subscription)
    until = time.monotonic() + (NO_END if seconds is None else seconds)
    for page in follower.pages(until):
        yield from page.events


def _show_event(event: "LiveEvent", *, as_json: bool) -> None:
    if as_json:
        echo(event.document())
        return
    echo(f"{event.at:%Y-%m-%d %H:%M:%S} {event.topic}: {event.text}")


def _show_snapshot(snapshot: "LiveSnapshot") -> None:
    alerts = ", ".join(f"{count} {grade}" for grade, count in snapshot.open_alerts.items())
    echo(f"{snapshot.answered_per_s:g} predictions a second. Open alerts: {alerts or 'none'}.")
    for title, rows in (
        ("Champions", snapshot.champions),
        ("Rollouts", snapshot.rollouts),
        ("Trainings", snapshot.trainings),
        ("Ingests", snapshot.ingests),
    ):
        if rows:
            emit_table(title, rows)
    echo(f"The newest events, up to cursor {snapshot.cursor}:")
