"""Look at the service objectives once a minute, in the process that delivers alerts.

A window of five minutes needs that; a Prefect run each minute would cost seconds of CPU every time.
"""

import logging
import threading
import time
from collections.abc import Sequence

from runlore.alerts.queries import anomalies
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.specs.objective_spec import KIND, ObjectiveSpec
from runlore.store.engine import Store

EVERY_S = 60.0
MOST_SHARE = 0.1  # of the time that looking may take

log = logging.getLogger("runlore.signals")


def watch(store: Store, specs: Sequence[ObjectiveSpec], end: threading.Event) -> None:
    """Look until `end` is set. A database that is away, or a fault, is left to the log.

    Without objectives, alerts of former ones are resolved once.
    """
    wait_s = EVERY_S
    while not end.is_set():
        began = time.monotonic()
        is_done = look(store, specs)
        if is_done and not specs:
            return
        wait_s = max(EVERY_S, (time.monotonic() - began) / MOST_SHARE)
        end.wait(wait_s)


def look(store: Store, specs: Sequence[ObjectiveSpec]) -> bool:
    """Look once. Returns whether it could."""
    try:
        if specs or _has_alerts(store):
            from runlore.signals.actions.objectives import watch_objectives  # with numpy and scipy

            watch_objectives(store, specs, instants.now())
    except Unavailable as error:
        log.warning("objectives are not watched: %s", error)
        return False
    except Exception:
        log.exception("objectives are not watched")
        return False
    return True


def _has_alerts(store: Store) -> bool:
    with store.begin() as connection:
        return bool(anomalies.read_open(connection, KIND))
