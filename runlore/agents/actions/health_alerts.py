"""Alerts about agents: one while an agent is in quarantine, one while a skill of it has fallen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runlore.agents.actions.probing import HealthOverview, read_overview
from runlore.agents.rules.health import FALSE_ALARMS, OUTCOMES
from runlore.alerts.queries.anomalies import open_anomaly, read_open, resolve_anomaly
from runlore.alerts.rules.finding import line
from runlore.kernel import instants
from runlore.store.engine import Store

KIND = "agent"
FALLEN_KIND = "agent skill"
MAX_NAME = 90
CERTAINTY = (
    f"of an agent that works, at most {FALSE_ALARMS:.0%} come so far within {OUTCOMES:,} outcomes"
)
ADVICE = (
    "see what it failed at: `runlore agents health {agent}`; mend it, or take it out: `runlore "
    "agents state {agent} maintenance`; probes that it passes bring it back and end this alert"
)
FALLEN_ADVICE = (
    "see its failures: `runlore agents health {agent}`; tasks with the policy `learned` go to "
    "others by now; successes as before, or a time at the new level, end this alert"
)


def watch_alerts(store: Store) -> None:
    """Open the alerts of what is wrong now, and resolve those of what is over."""
    overview, now = read_overview(store), instants.now()
    for kind, found in ((KIND, _quarantined(overview)), (FALLEN_KIND, _fallen(overview))):
        _reconcile(store, kind, found, now)


def _reconcile(
    store: Store, kind: str, found: Mapping[str, Mapping[str, Any]], now: datetime
) -> None:
    with store.begin() as connection:
        standing = {one.subject for one in read_open(connection, kind)}
        for subject in found.keys() - standing:
            open_anomaly(connection, kind, subject, "warning", found[subject], now)
        for subject in standing - found.keys():
            resolve_anomaly(connection, kind, subject, now)


def _quarantined(overview: HealthOverview) -> dict[str, dict[str, Any]]:
    return {
        line(one.name, MAX_NAME): {
            "what": f"the agent {line(one.name, MAX_NAME)} gets no tasks but probes:"
            f" {one.quarantine_reason}",
            "certainty": CERTAINTY,
            "advice": ADVICE.format(agent=one.id),
            "since": one.quarantined_at.isoformat(),
        }
        for one in overview.quarantined
    }


def _fallen(overview: HealthOverview) -> dict[str, dict[str, Any]]:
    return {
        f"{line(one.name, MAX_NAME)}: {line(one.task_type, MAX_NAME)}": {
            "what": f"the agent {line(one.name, MAX_NAME)} fails more tasks of the type"
            f" {line(one.task_type, MAX_NAME)} than before",
            "certainty": CERTAINTY,
            "advice": FALLEN_ADVICE.format(agent=one.agent_id),
            "since": one.fallen_at.isoformat(),
        }
        for one in overview.fallen
    }
