"""Keep the stream going: numbers for events that wait, rates of predictions, and the cut.

Whoever watches calls this; many may at once. Without anybody, events wait for their numbers until
the daily watch keeps the history short.
"""

from datetime import datetime

from runlore.live.queries import rates, stream
from runlore.live.rules.stream import Retention, merge_rates
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic, publish

RATES_EVERY_S = 2.0
CUT_EVERY_S = 60.0
SLACK_S = 0.1  # two watchers look at slightly different times


def number_events(store: Store) -> int:
    """Give numbers to all events that wait. Returns how many got one."""
    count = 0
    with store.begin() as connection:
        if not stream.has_waiting(connection):
            return 0
    while True:
        with store.begin() as connection:
            numbered = stream.number(connection)
        count += numbered
        if numbered < stream.NUMBERED_AT_ONCE:
            return count


def publish_rates(store: Store, pause_s: float = RATES_EVERY_S) -> bool:
    """Publish how much is predicted, once for all watchers, while anything is.

    Returns whether an event was written. After the last prediction one more says that it is over.
    """
    with store.begin() as connection:
        stream.read_ends(connection)  # there may be no stream yet
        before = rates.due(connection, pause_s - SLACK_S)
        if before is None:
            return False
        merged = merge_rates(rates.read_worker_rates(connection))
        specs = {
            rate.spec: {"answered_per_s": rate.answered_per_s, "refused_per_s": rate.refused_per_s}
            for rate in merged
            if rate.answered_per_s or rate.refused_per_s
        }
        rates.remember(connection, specs)
        if not specs and not before:
            return False
        total = round(sum(rate["answered_per_s"] for rate in specs.values()), 3)
        publish(connection, Topic.PREDICTIONS, "", {"answered_per_s": total, "specs": specs})
        return True


def cut_history(
    store: Store, at: datetime, retention: Retention, pause_s: float = CUT_EVERY_S
) -> int | None:
    """Delete what is too old or too much. Returns the highest number that is gone.

    None: somebody has looked less than `pause_s` ago.
    """
    with store.begin() as connection:
        return stream.cut(connection, retention.rows, at - retention.age, pause_s)


def keep_history_short(store: Store, at: datetime) -> int:
    """Number what waits and cut the history, as if somebody watched. Returns how many got one."""
    count = number_events(store)
    cut_history(store, at, Retention())
    return count
