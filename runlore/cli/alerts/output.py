"""Alerts as text for people and as JSON for programs."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any

from runlore.cli.output import echo, emit_json, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.alerts.actions.delivery import Attempt
    from runlore.alerts.actions.handling import AlertView, Overview
    from runlore.alerts.delivery import Channels
    from runlore.alerts.queries.outbox import Delivery, UndeliveredAlerts
    from runlore.alerts.rules.state import AlertEpisode, Silence

SHOWN_EVIDENCE = 2_000
INDENT = "   "
LONGEST_LINE = 100  # characters; longer lines are hard to read

log = logging.getLogger("runlore.alerts")


def overview(listing: "Overview") -> dict[str, Any]:
    return {
        "alerts": [_alert_fields(view) for view in listing.alerts],
        "silences": [silence(entry) for entry in listing.silences],
        "undelivered": [_plain(channel) for channel in listing.trouble],
    }


def detail(view: "AlertView") -> dict[str, Any]:
    return _alert_fields(view) | {
        "evidence": view.alert.evidence,
        "history": [_plain(event) for event in view.history],
        "deliveries": [_plain(delivery) for delivery in view.deliveries],
    }


def alert(episode: "AlertEpisode") -> dict[str, Any]:
    fields = _plain(episode)
    del fields["evidence"]
    return fields


def silence(entry: "Silence") -> dict[str, Any]:
    return _plain(entry)


def channels(known: "Channels", trouble: Sequence["UndeliveredAlerts"]) -> list[dict[str, Any]]:
    wrong = {channel.channel: channel for channel in trouble}
    return [
        {
            "name": name,
            "kind": channel.kind,
            "place": channel.place,
            "at_least": str(channel.at_least),
            "undelivered": wrong[name].deliveries if name in wrong else 0,
            "error": wrong[name].error if name in wrong else None,
        }
        for name, channel in known.items()
    ]


def show_overview(listing: "Overview", standing: str) -> None:
    if listing.alerts:
        echo(f"Alerts ({standing})")
        for view in listing.alerts:
            _show_entry(view)
        echo("details: runlore alerts show ID")
    else:
        echo("no alert is open" if standing == "open" else "no alerts")
    for entry in listing.silences:
        echo(f"silence {entry.id}: {words(entry)}")
    for trouble in listing.trouble:
        lost = f", {trouble.lost} given up" if trouble.lost else ""
        count = f"{trouble.deliveries} undelivered{lost}"
        echo(f"channel {trouble.channel}: {count}, since {_at(trouble.since)}")
        echo(f"  {trouble.error}")


def show_detail(view: "AlertView") -> None:
    from json import dumps

    one = view.alert
    echo(f"alert {one.id}: {one.severity}, {one.kind} of {one.subject}, {view.state}")
    echo(f"  what changed  {one.what}")
    echo(f"  since         {_at(one.since)}")
    echo(f"  certainty     {one.certainty or 'unknown'}")
    echo(f"  what to do    {one.advice or 'no advice'}")
    echo(f"  seen          {one.count:,} times, last {_at(one.seen_at)}")
    if one.acknowledged_by:
        echo(f"  acknowledged  {one.acknowledged_by}: {one.note or 'no note'}")
    if view.silence:
        echo(f"  silenced      {words(view.silence)}")
    for entry in view.history:
        note = f": {entry.note}" if entry.note else ""
        echo(f"  {_at(entry.at)}  {entry.event} ({entry.severity}) by {entry.actor}{note}")
    if view.deliveries:
        emit_table("Deliveries", [_delivery_row(delivery) for delivery in view.deliveries])
    if one.evidence:
        echo(f"evidence: {dumps(one.evidence, default=str)[:SHOWN_EVIDENCE]}")


def show_channels(rows: list[dict[str, Any]]) -> None:
    if rows:
        shown = [{key: "" if value is None else value for key, value in r.items()} for r in rows]
        emit_table("Channels for alerts", shown)
    else:
        echo("no channels; set RUNLORE_ALERT_CHANNELS to send alerts")


def show_handled(episode: "AlertEpisode", *, json: bool) -> None:
    if json:
        emit_json(alert(episode))
    elif episode.is_open:
        echo(f"alert {episode.id} is acknowledged by {episode.acknowledged_by}")
    else:
        echo(f"alert {episode.id} is resolved by {episode.resolved_by}")


def show_attempt(done: "Attempt") -> None:
    echo(_attempt_words(done))


def _attempt_words(done: "Attempt") -> str:
    what = f"alert {done.alert} {done.event} to {done.channel}"
    came = f"after {done.age_s:.1f} s" if done.error is None else f"failed: {done.error}"
    return f"{what}: {came}"


def log_attempt(done: "Attempt") -> None:
    level = logging.INFO if done.error is None else logging.WARNING
    log.log(level, "%s", _attempt_words(done))


def emit_attempt(done: "Attempt") -> None:
    emit_json(asdict(done))


def words(entry: "Silence") -> str:
    what = f"{entry.kind} of {entry.subject}"
    return f"{what} until {_at(entry.until)}, by {entry.actor}: {entry.reason}"


def _alert_fields(view: "AlertView") -> dict[str, Any]:
    waiting = [delivery.channel for delivery in view.deliveries if delivery.state != "delivered"]
    return alert(view.alert) | {
        "state": view.state,
        "silence": None if view.silence is None else view.silence.id,
        "undelivered": sorted(set(waiting)),
    }


def _show_entry(view: "AlertView") -> None:
    """A line that says which alert it is, and what changed in whole sentences below it."""
    one = view.alert
    times = "once" if one.count == 1 else f"{one.count:,} times"
    echo(f"\n{one.id}  {one.severity}: {one.kind} of {one.subject}")
    echo(f"{INDENT}since {_at(one.since)}, seen {times}, {view.state}")
    width = min(get_terminal_size().columns, LONGEST_LINE)
    echo(fill(one.what, width, initial_indent=INDENT, subsequent_indent=INDENT))


def _delivery_row(delivery: "Delivery") -> dict[str, object]:
    return {
        "event": delivery.event,
        "channel": delivery.channel,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "settled": "" if delivery.settled_at is None else _at(delivery.settled_at),
        "error": delivery.error or "",
    }


def _plain(record: Any) -> dict[str, Any]:  # noqa: ANN401  (one of our dataclasses)
    return {key: _json(value) for key, value in vars(record).items()}


def _json(value: Any) -> Any:  # noqa: ANN401
    return value.isoformat() if hasattr(value, "isoformat") else value


def _at(at: "datetime") -> str:
    return f"{at:%Y-%m-%d %H:%M}"
