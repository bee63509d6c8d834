"""Deliver messages to the channels: right after the cause, and again until they arrive."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pydantic import SecretStr

from runlore.alerts.delivery import Channels, DeliveryFailed, OutgoingMessage, parse, send
from runlore.alerts.delivery.channels import VARIABLE, AnyChannel, routed
from runlore.alerts.queries import alert_silences, alerts, outbox
from runlore.alerts.queries.outbox import ClaimedDelivery
from runlore.alerts.rules import release, state
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.message import example
from runlore.alerts.rules.release import DELIVERY, decide, route
from runlore.kernel.errors import RunloreError, Unavailable
from runlore.store import notices
from runlore.store.engine import Connection, Store

# A process that raises alerts starts no attempt after this; the dispatcher makes the rest.
PATIENCE_S = 15.0

POLL_S = 2.0  # while a message waits for its time
QUIET_POLL_S = 10.0  # else: new ones are heard of at once
STOP_S = 3.0  # how long a stopping dispatcher waits for running attempts

FAILURES = 3  # A channel that fails this often in a row raises an alert of its own

log = logging.getLogger("runlore.alerts")


@dataclass(frozen=True)
class Attempt:
    """An attempt to deliver. error: None: it arrived. age_s: since the cause was recorded."""

    alert: int
    event: str
    channel: str
    took_s: float
    age_s: float
    error: str | None = None


Tell = Callable[[Attempt], None]


def deliver(store: Store, channels: Channels) -> list[Attempt]:
    """Send what is due, each channel in its own thread; for the process that raised an alert.

    It takes PATIENCE_S and one attempt at most; the dispatcher sends the rest.
    """
    if not channels:
        return []
    done: list[Attempt] = []
    spread(store, channels)
    end = threading.Event()
    threads = [
        threading.Thread(target=_drain, args=(store, name, channel, done.append, end))
        for name, channel in channels.items()
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    end.set()
    for thread in threads:
        thread.join()
    return done


def deliver_own(store: Store, declared: SecretStr | None) -> list[Attempt]:
    """Deliver at the end of a process's work, if it has raised, ended or released alerts.

    An error here must not undo that work: it is logged, and the dispatcher sends later.
    """
    if not outbox.take_call(store):
        return []
    try:
        return deliver(store, parse(declared))
    except RunloreError as error:
        log.warning("alerts are left to the dispatcher: %s", error)
        return []


def try_out(store: Store, name: str, channel: AnyChannel, at: datetime) -> str | None:
    """Send a test message; returns the error, None when it arrived.

    A channel that accepts it is no longer out of reach: its alert is resolved.
    """
    try:
        send(channel, OutgoingMessage(example(), f"runlore-test-{uuid4()}", at))
    except DeliveryFailed as failure:
        return str(failure)
    with store.begin() as connection:
        alerts.quiet(connection, DELIVERY, name, at)
    return None


def watch(
    store: Store,
    channels: Channels,
    end: threading.Event,
    beat: Callable[[], None],
    tell: Tell,
) -> None:
    """Send whatever becomes due, until the end: no channel waits for another one.

    beat: called every few seconds while the database answers.
    """
    wakes = {name: threading.Event() for name in channels}
    threads = [
        threading.Thread(
            target=_go_on, args=(store, name, channel, wakes[name], end, tell), daemon=True
        )
        for name, channel in channels.items()
    ]
    for thread in threads:
        thread.start()
    while not end.is_set():
        try:
            _hear(store, channels, list(wakes.values()), end, beat)
        except Unavailable as error:
            log.warning("alerts wait: %s", error)
            end.wait(POLL_S)
    for wake in wakes.values():
        wake.set()
    until = time.monotonic() + STOP_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _hear(
    store: Store,
    channels: Channels,
    wakes: list[threading.Event],
    end: threading.Event,
    beat: Callable[[], None],
) -> None:
    with notices.listening(store, [outbox.CHANNEL]) as listener:
        while not end.is_set():
            is_waiting = spread(store, channels)
            for wake in wakes:
                wake.set()
            beat()
            listener.wait(POLL_S if is_waiting else QUIET_POLL_S, end)


def _go_on(
    store: Store,
    name: str,
    channel: AnyChannel,
    wake: threading.Event,
    end: threading.Event,
    tell: Tell,
) -> None:
    while not end.is_set():
        wake.wait()
        wake.clear()
        _drain(store, name, channel, tell, end)


def _drain(store: Store, name: str, channel: AnyChannel, tell: Tell, end: threading.Event) -> None:
    """The edge of a channel's thread: after any error the channel is tried again later."""
    try:
        drain(store, name, channel, tell, end)
    except Unavailable as error:
        log.warning("channel %s waits: %s", name, error)
    except Exception:
        log.exception("channel %s waits", name)


def spread(store: Store, channels: Channels) -> bool:
    """Decide which notices are sent now, and to which channels. Returns whether any still wait."""
    if not channels:
        return False
    known = routed(channels)
    with store.begin() as connection:
        now = outbox.clock(connection)
        silences = alert_silences.active(connection, now)
        for alert_id, notice in outbox.undecided(connection):
            alert = alerts.find(connection, alert_id, skip_locked=True)
            if alert is None:
                continue
            decision = decide(notice, alert, silences, now)
            if decision == "wait":
                continue
            outbox.settle(connection, notice, decision)
            if decision == "send":
                notified = outbox.notified_channels(connection, alert_id)
                names = route(notice, alert, known, notified)
                outbox.spread(connection, notice, alert_id, names)
                if notice.event in state.TROUBLE:
                    alerts.put(connection, state.mark_notified(alert, notice.severity))
        outbox.give_up_orphans(connection, list(channels), release.GIVE_UP_S)
        return outbox.is_waiting(connection)


def drain(store: Store, name: str, channel: AnyChannel, tell: Tell, end: threading.Event) -> None:
    """Send what is due for one channel, one after the other, until nothing is."""
    while not end.is_set():
        with store.begin() as connection:
            claim = outbox.claim(connection, name)
            if claim is None:
                return
            attempt = _attempt(connection, claim, name, channel)
        tell(attempt)


def _attempt(
    connection: Connection, claim: ClaimedDelivery, name: str, channel: AnyChannel
) -> Attempt:
    """Make one attempt and record its result."""
    began = time.monotonic()
    error: str | None = None
    wished_s = 0.0
    try:
        send(channel, OutgoingMessage(claim.message, f"runlore-alert-{claim.key}", claim.now))
    except DeliveryFailed as failure:
        error, wished_s = str(failure), failure.retry_after_s
    took_s = time.monotonic() - began
    if error is None:
        outbox.delivered(connection, claim, took_s * 1000)
        alerts.quiet(connection, DELIVERY, name, claim.now)
    else:
        pause_s = release.pause_s(claim.attempts + 1, claim.age_s, wished_s)
        outbox.failed(connection, claim, took_s * 1000, error, pause_s)
        if claim.attempts + 1 >= FAILURES:
            finding = _unreachable(claim, name, channel, error, is_lost=pause_s is None)
            alerts.observe(connection, finding, claim.now)
    message = claim.message
    return Attempt(message.alert, str(message.event), name, took_s, claim.age_s + took_s, error)


def _unreachable(
    claim: ClaimedDelivery, name: str, channel: AnyChannel, error: str, *, is_lost: bool
) -> AlertFinding:
    return AlertFinding(
        DELIVERY,
        name,
        Severity.CRITICAL if is_lost else Severity.WARNING,
        f"alert {claim.alert_id} could not be delivered to {name} ({channel.place}): {error}",
        f"{claim.attempts + 1} attempts failed" + (", it was given up" if is_lost else ""),
        f"check {VARIABLE} and the receiver, then: runlore alerts test {name}",
        evidence={"alert": claim.alert_id, "attempts": claim.attempts + 1, "error": error},
    )
