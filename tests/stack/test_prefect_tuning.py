"""Prefect's server takes the intervals and the retention that Runlore gives it."""

import asyncio
from datetime import timedelta

import pytest
from docket import Docket
from prefect.server.api import background_workers
from prefect.settings import get_current_settings
from prefect.settings.models.root import Settings as PrefectSettings

from flows import server
from runlore.settings import Settings
from runlore.stack import prefect_tuning


def server_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> PrefectSettings:
    for name, value in prefect_tuning.of_server(settings).items():
        monkeypatch.setenv(name, value)
    return PrefectSettings()


def test_prefect_knows_every_variable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = server_of(settings, monkeypatch).server
    usual = get_current_settings().server
    assert taken.services.scheduler.loop_seconds == 300
    assert taken.services.scheduler.recent_deployments_loop_seconds == 60
    assert taken.services.late_runs.after_seconds == timedelta(seconds=60)
    assert taken.services.foreman.deployment_last_polled_timeout_seconds == 180
    assert taken.services.triggers.pg_notify_heartbeat_interval_seconds == 60
    assert taken.events.proactive_granularity == timedelta(seconds=60)
    for name in ("late_runs", "pause_expirations", "cleanup_reconciler", "repossessor", "foreman"):
        own = getattr(taken.services, name).loop_seconds
        assert own >= 120 > getattr(usual.services, name).loop_seconds, name


async def jobs(docket: Docket) -> tuple[timedelta, timedelta]:
    """How often the server's job queue looks for work."""
    async with docket, background_workers.Worker(docket) as worker:
        return worker.minimum_check_interval, worker.scheduling_resolution


def test_the_job_queue_of_the_server_looks_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_workers, "Worker", background_workers.Worker)  # for undoing
    second = timedelta(seconds=1)
    assert asyncio.run(jobs(Docket(url="memory://before"))) != (second, second)
    server.slow_job_queue()
    assert asyncio.run(jobs(Docket(url="memory://after"))) == (second, second)


def test_runs_and_events_are_kept_for_the_days_of_the_settings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = server_of(settings, monkeypatch).server
    assert taken.services.db_vacuum.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert taken.services.db_vacuum.retention_period == timedelta(days=30)
    assert taken.events.retention_period == timedelta(days=7)
    short = server_of(settings.model_copy(update={"prefect_days": 2}), monkeypatch).server
    assert short.services.db_vacuum.retention_period == timedelta(days=2)
    assert short.events.retention_period == timedelta(days=2)


def test_with_0_days_all_runs_are_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = server_of(settings.model_copy(update={"prefect_days": 0}), monkeypatch).server
    assert taken.services.db_vacuum.enabled_vacuum_types == {"events"}
