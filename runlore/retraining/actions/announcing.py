"""Announce requests for a training that wait, by the event that starts the training."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runlore.kernel.durations import HOUR_S
from runlore.retraining import queries
from runlore.retraining.queries import WAITING, Retraining, RetrainingStep
from runlore.store.engine import Store

WANTED = "runlore.retraining.wanted"  # the Prefect event; see deployments/prefect.yaml
FIRST_AGAIN_S = 120.0
# An event without an effect is sent again, at intervals that double up to this.
LONGEST_AGAIN_S = HOUR_S

Send = Callable[[Retraining], None]


def announce(store: Store, at: datetime, send: Send) -> list[Retraining]:
    """Send an event for each request that waits and was not announced lately; returns these.

    Of several processes that try at once, one sends. What `send` raises is raised here, and its
    request is announced by the next call.
    """
    with store.begin() as connection:
        waiting = [request for request in queries.going_on(connection) if _is_due(request, at)]
    return [request for request in waiting if _announce(store, request, at, send)]


def payload(request: Retraining) -> dict[str, Any]:
    """What the event says; the automation reads `request`."""
    return {
        "request": request.id,
        "spec": request.wanted.spec,
        "trigger": request.wanted.trigger,
        "actor": request.wanted.actor,
        "reason": request.wanted.reason,
        "batch": request.wanted.batch,
    }


def _announce(store: Store, request: Retraining, at: datetime, send: Send) -> bool:
    """Under the lock of the spec's requests, so that nobody else sends meanwhile."""
    with store.begin() as connection:
        queries.lock(connection, request.wanted.spec)
        current = queries.find(connection, request.id)
        if current is None or not _is_due(current, at):
            return False
        send(current)
        step = RetrainingStep(at, "announced", "an event says so to Prefect")
        queries.move(connection, request.id, step)
        return True


def _is_due(request: Retraining, at: datetime) -> bool:
    """It waits, and was never announced, or so long ago that the event must have been lost."""
    if request.state not in WAITING:
        return False
    announced = [step.at for step in request.steps if step.state == "announced"]
    pause_s = min(FIRST_AGAIN_S * 2 ** max(len(announced) - 1, 0), LONGEST_AGAIN_S)
    return not announced or at - announced[-1] >= timedelta(seconds=pause_s)
