"""Alerts: raise and resolve them, and what people do with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runlore.alerts.queries import alert_silences, alerts, outbox
from runlore.alerts.queries.alerts import AlertHistoryEntry, AlertQuery
from runlore.alerts.queries.outbox import Delivery, UndeliveredAlerts
from runlore.alerts.rules import state
from runlore.alerts.rules.finding import (
    LONGEST_KIND,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    AlertFinding,
    line,
)
from runlore.alerts.rules.state import QUIET, AlertEpisode, AlertStep, Silence, covers
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Connection, Store

LONGEST_ACTOR = 100

State = Literal["open", "acknowledged", "silenced", "resolved"]


@dataclass(frozen=True)
class AlertView:
    """An alert with its history and its deliveries. silence: the one that covers it now."""

    alert: AlertEpisode
    history: tuple[AlertHistoryEntry, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    silence: Silence | None = None

    @property
    def state(self) -> State:
        if not self.alert.is_open:
            return "resolved"
        if self.silence is not None:
            return "silenced"
        return "acknowledged" if self.alert.acknowledged_at else "open"


@dataclass(frozen=True)
class Overview:
    """The alerts, active silences and undelivered messages by channel (`trouble`)."""

    alerts: tuple[AlertView, ...]
    silences: tuple[Silence, ...]
    trouble: tuple[UndeliveredAlerts, ...]


def raise_alert(connection: Connection, finding: AlertFinding, at: datetime) -> AlertEpisode:
    """Record a finding in the caller's transaction: many findings of one cause are one alert.

    A caller that raises several alerts in one transaction sorts them by cause, so that two such
    callers cannot deadlock.
    """
    return alerts.observe(connection, finding, at).alert


def resolve_alert(
    connection: Connection, kind: str, subject: str, at: datetime, by: str = QUIET
) -> AlertEpisode | None:
    """Resolve the alert of a cause that is over; None when it had no open alert.

    by: who ended the cause. Without a name, a check found nothing; then findings that are newer
    than `at` keep the alert open.
    """
    step = alerts.quiet(connection, kind, subject, at, by)
    return None if step is None or step.event is None else step.alert


def acknowledge(store: Store, alert_id: int, actor: str, note: str, at: datetime) -> AlertEpisode:
    """Acknowledge an alert: people are notified again only when it becomes worse."""
    return _handle(store, alert_id, at, actor, note, is_over=False)


def close(store: Store, alert_id: int, actor: str, note: str, at: datetime) -> AlertEpisode:
    """Resolve an alert by hand; the next finding of its cause opens another one."""
    return _handle(store, alert_id, at, actor, note, is_over=True)


def silence(store: Store, wanted: Silence) -> Silence:
    """Add a silence: matching alerts are not sent until it ends. wanted: without its id."""
    actor = _one_line("actor", wanted.actor, LONGEST_ACTOR)
    reason = _one_line("reason", wanted.reason, LONGEST_TEXT)
    _one_line("kind", wanted.kind, LONGEST_KIND)
    _one_line("subject", wanted.subject, LONGEST_SUBJECT)
    if wanted.until <= wanted.created_at:
        raise BadInput("until: is in the past; choose a later instant", "until")
    entry = Silence(0, wanted.kind, wanted.subject, wanted.until, actor, reason, wanted.created_at)
    with store.begin() as connection:
        return alert_silences.add(connection, entry)


def unsilence(store: Store, silence_id: int, actor: str, at: datetime) -> Silence:
    """End a silence now; alerts that it held back and that are still open are sent."""
    actor = _one_line("actor", actor, LONGEST_ACTOR)
    with store.begin() as connection:
        entry = alert_silences.find(connection, silence_id)
        if entry is None:
            raise NotFound(f"no silence has the id {silence_id}; `runlore alerts` shows them")
        if not entry.is_active(at):
            raise Refused(f"silence {silence_id} is over already")
        alert_silences.end(connection, silence_id, at, actor)
        outbox.call(connection)
        return entry


def overview(store: Store, wanted: AlertQuery, at: datetime) -> Overview:
    """Read alerts without their histories, active silences and undelivered messages."""
    with store.begin() as connection:
        silences = alert_silences.active(connection, at)
        episodes = alerts.read(connection, wanted)
        ways = outbox.of_alerts(connection, [episode.id for episode in episodes])
        trouble = outbox.trouble(connection)
    views = tuple(
        AlertView(
            episode,
            deliveries=tuple(way for way in ways if way.alert_id == episode.id),
            silence=_silence(episode, silences, at),
        )
        for episode in episodes
    )
    return Overview(views, tuple(silences), tuple(trouble))


def show(store: Store, alert_id: int, at: datetime) -> AlertView:
    """Read an alert with its history, deliveries and silence."""
    with store.begin() as connection:
        alert = _known(connection, alert_id)
        return AlertView(
            alert,
            tuple(alerts.history(connection, [alert_id])),
            tuple(outbox.of_alerts(connection, [alert_id])),
            _silence(alert, alert_silences.active(connection, at), at),
        )


def _handle(
    store: Store, alert_id: int, at: datetime, actor: str, note: str, *, is_over: bool
) -> AlertEpisode:
    actor = _one_line("actor", actor, LONGEST_ACTOR)
    note = line(note, LONGEST_TEXT)
    with store.begin() as connection:
        alert = _known(connection, alert_id)
        if not alert.is_open:
            raise Refused(f"alert {alert_id} was resolved already, by {alert.resolved_by}")
        step: AlertStep = (
            state.resolve(alert, at, actor)
            if is_over
            else state.acknowledge(alert, at, actor, note)
        )
        return alerts.save(connection, step, at, actor, note).alert


def _known(connection: Connection, alert_id: int) -> AlertEpisode:
    alert = alerts.find(connection, alert_id)
    if alert is None:
        raise NotFound(
            f"no alert has the id {alert_id}; `runlore alerts list --state all` lists them"
        )
    return alert


def _silence(alert: AlertEpisode, silences: list[Silence], at: datetime) -> Silence | None:
    return next((s for s in silences if covers(s, alert.kind, alert.subject, at)), None)


def _one_line(name: str, text: str, longest: int) -> str:
    if not text.strip() or text != line(text, longest):
        raise BadInput(f"{name}: {text[:80]!r} is not one line of 1 to {longest} letters", name)
    return text
