"""Look at the health of agents, and send them probes."""

import logging
import time
from dataclasses import dataclass

from runlore.agents.actions.health_alerts import watch_alerts
from runlore.agents.actions.health_watch import watch_health
from runlore.agents.queries.health import has_agents
from runlore.kernel.errors import Unavailable
from runlore.store.engine import Store

LOOK_S = 1.0
IDLE_S = 15.0  # without any agent
ALERTS_S = 5.0

log = logging.getLogger("runlore.serving")


@dataclass
class AgentWatch:
    """Of several workers one looks at a time."""

    _not_before: float = 0.0
    _alerts_at: float = 0.0

    def look(self, store: Store) -> None:
        now = time.monotonic()
        if now < self._not_before:
            return
        try:
            if not has_agents(store):
                self._not_before = now + IDLE_S
            found = watch_health(store)
            if found.quarantined or found.returned or now > self._alerts_at:
                self._alerts_at = now + ALERTS_S
                watch_alerts(store)
        except Unavailable as error:
            self._not_before = now + IDLE_S
            log.warning("the health of agents is not looked at: %s", error)
