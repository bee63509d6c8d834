"""Alerts as text for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
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


def overview(found: "Overview") -> dict[str, Any]:
    return {
        "alerts": [_told(each) for each in found.alerts],
        "silences": [silence(each) for each in found.silences],
        "undelivered": [_plain(each) for each in found.trouble],
    }


def detail(found: "AlertView") -> dict[str, Any]:
    return _told(found) | {
        "evidence": found.alert.evidence,
        "history": [_plain(each) for each in found.history],
        "deliveries": [_plain(each) for each in found.deliveries],
    }


def alert(found: "AlertEpisode") -> dict[str, Any]:
    told = _plain(found)
    del told["evidence"]
    return told


def silence(found: "Silence") -> dict[str, Any]:
    return _plain(found)


def channels(known: "Channels", trouble: Sequence["UndeliveredAlerts"]) -> list[dict[str, Any]]:
    wrong = {each.channel: each for each in trouble}
    return [
        {
            "name": name,
            "kind": each.kind,
            "place": each.place,
            "at_least": str(each.at_least),
            "undelivered": wrong[name].deliveries if name in wrong else 0,
            "error": wrong[name].error if name in wrong else None,
        }
        for name, each in known.items()
    ]


def show_overview(found: "Overview", standing: str) -> None:
    if found.alerts:
        emit_table(f"Alerts ({standing})", [_row(each) for each in found.alerts])
        echo("details: runlore alerts show ID")
    else:
        echo("no alert is open" if standing == "open" else "no alerts")
    for each in found.silences:
        echo(f"silence {each.id}: {words(each)}")
    for trouble in found.trouble:
        lost = f", {trouble.lost} given up" if trouble.lost else ""
        count = f"{trouble.deliveries} undelivered{lost}"
        echo(f"channel {trouble.channel}: {count}, since {_at(trouble.since)}")
        echo(f"  {trouble.error}")


def show_detail(found: "AlertView") -> None:
    from json import dumps

    one = found.alert
    echo(f"alert {one.id}: {one.severity}, {one.kind} of {one.subject}, {found.state}")
    echo(f"  what changed  {one.what}")
    echo(f"  since         {_at(one.since)}")
    echo(f"  certainty     {one.certainty or 'unknown'}")
    echo(f"  what to do    {one.advice or 'no advice'}")
    echo(f"  seen          {one.count:,} times, last {_at(one.seen_at)}")
    if one.acknowledged_by:
        echo(f"  acknowledged  {one.acknowledged_by}: {one.note or 'no note'}")
    if found.silence:
        echo(f"  silenced      {words(found.silence)}")
    for entry in found.history:
        note = f": {entry.note}" if entry.note else ""
        echo(f"  {_at(entry.at)}  {entry.event} ({entry.severity}) by {entry.actor}{note}")
    if found.deliveries:
        emit_table("Deliveries", [_way(each) for each in found.deliveries])
    if one.evidence:
        echo(f"evidence: {dumps(one.evidence, default=str)[:SHOWN_EVIDENCE]}")


def show_channels(rows: list[dict[str, Any]]) -> None:
    if rows:
        shown = [{key: "" if value is None else value for key, value in r.items()} for r in rows]
        emit_table("Channels for alerts", shown)
    else:
        echo("no channels; set RUNLORE_ALERT_CHANNELS to send alerts")


def tell_handled(found: "AlertEpisode", *, json: bool) -> None:
    if json:
        emit_json(alert(found))
    elif found.is_open:
        echo(f"alert {found.id} is acknowledged by {found.acknowledged_by}")
    else:
        echo(f"alert {found.id} is resolved by {found.resolved_by}")


def tell_attempt(done: "Attempt") -> None:
    what = f"alert {done.alert} {done.event} to {done.channel}"
    came = f"after {done.age_s:.1f} s" if done.error is None else f"failed: {done.error}"
    echo(f"{what}: {came}")


def tell_attempt_as_json(done: "Attempt") -> None:
    emit_json(asdict(done))


def words(found: "Silence") -> str:
    what = f"{found.kind} of {found.subject}"
    return f"{what} until {_at(found.until)}, by {found.actor}: {found.reason}"


def _told(found: "AlertView") -> dict[str, Any]:
    waiting = [each.channel for each in found.deliveries if each.state != "delivered"]
    return alert(found.alert) | {
        "state": found.state,
        "silence": None if found.silence is None else found.silence.id,
        "undelivered": sorted(set(waiting)),
    }


def _row(found: "AlertView") -> dict[str, object]:
    one = found.alert
    return {
        "id": one.id,
        "severity": one.severity,
        "kind": one.kind,
        "subject": one.subject,
        "since": _at(one.since),
        "seen": f"{one.count:,}",
        "state": found.state,
        "what changed": one.what,
    }


def _way(found: "Delivery") -> dict[str, object]:
    return {
        "event": found.event,
        "channel": found.channel,
        "state": found.state,
        "attempts": found.attempts,
        "settled": "" if found.settled_at is None else _at(found.settled_at),
        "error": found.error or "",
    }


def _plain(found: Any) -> dict[str, Any]:  # noqa: ANN401  (one of our dataclasses)
    return {key: _json(value) for key, value in vars(found).items()}


def _json(value: Any) -> Any:  # noqa: ANN401
    return value.isoformat() if hasattr(value, "isoformat") else value


def _at(at: "datetime") -> str:
    return f"{at:%Y-%m-%d %H:%M}"
