"""How often the services inside the Prefect server look around, and how long its records stay.

Prefect's own intervals suit a server of many people; on one machine that is idle they are most of
what it costs. None of them delays a run: runs are created ahead of time, and events are pushed.
"""

from collections.abc import Mapping

from runlore.kernel.durations import DAY_S
from runlore.settings import Settings

SERVICES = "PREFECT_SERVER_SERVICES_"
EVENTS = "PREFECT_SERVER_EVENTS_"

# In seconds; Prefect's own value is in the comment.
INTERVALS: Mapping[str, int] = {
    f"{SERVICES}SCHEDULER_LOOP_SECONDS": 300,  # 60; each loop creates the runs of the next hour
    f"{SERVICES}SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": 60,  # 5; schedules changed just now
    f"{SERVICES}LATE_RUNS_LOOP_SECONDS": 120,  # 5; marks runs that nobody picked up
    f"{SERVICES}LATE_RUNS_AFTER_SECONDS": 60,  # 15; more than two polls of our worker
    f"{SERVICES}PAUSE_EXPIRATIONS_LOOP_SECONDS": 300,  # 5; no flow of ours pauses
    f"{SERVICES}CLEANUP_RECONCILER_LOOP_SECONDS": 300,  # 5
    f"{SERVICES}REPOSSESSOR_LOOP_SECONDS": 300,  # 15; concurrency limits of runs that crashed
    f"{SERVICES}FOREMAN_LOOP_SECONDS": 120,  # 15; marks workers that are gone
    f"{SERVICES}FOREMAN_DEPLOYMENT_LAST_POLLED_TIMEOUT_SECONDS": 180,  # 60
    f"{SERVICES}FOREMAN_WORK_QUEUE_LAST_POLLED_TIMEOUT_SECONDS": 180,  # 60
    f"{SERVICES}CANCELLATION_CLEANUP_LOOP_SECONDS": 120,  # 20; what a cancelled run left behind
    f"{SERVICES}TRIGGERS_PG_NOTIFY_HEARTBEAT_INTERVAL_SECONDS": 60,  # 5
}
EVERY_MINUTE = {
    f"{EVENTS}PROACTIVE_GRANULARITY": "PT60S",  # 5 s; automations on what has not happened
}
MAX_EVENTS_DAYS = 7  # Prefect's own value


def of_server(settings: Settings) -> dict[str, str]:
    """Variables for the Prefect server; whoever has set one of them keeps it.

    >>> of_server(Settings(prefect_days=30))["PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"]
    '2592000'
    """
    intervals = {name: str(seconds) for name, seconds in INTERVALS.items()}
    return intervals | EVERY_MINUTE | _retention(settings)


def _retention(settings: Settings) -> dict[str, str]:
    """Finished runs with their logs and artifacts, and events, are deleted after so many days."""
    days = settings.prefect_days
    if days == 0:
        return {}
    return {
        f"{SERVICES}DB_VACUUM_ENABLED": "events,flow_runs",
        f"{SERVICES}DB_VACUUM_RETENTION_PERIOD": str(days * round(DAY_S)),
        f"{EVENTS}RETENTION_PERIOD": f"P{min(days, MAX_EVENTS_DAYS)}D",
    }
