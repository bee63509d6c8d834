"""What is done about series as tasks: forecasts are scored and issued, regressions looked for."""

from datetime import datetime
from typing import cast
from uuid import UUID

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.signals.actions import (
    anomaly_watch,
    execution_series,
    health_watch,
    issued_forecasts,
    limit_alerts,
    regressions,
    series_retraining,
)
from runlore.signals.actions.series_champions import read_champions
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="renew series", timeout_seconds=1800)
def renew_execution_series() -> int:
    """Make points of executions that were recorded since the last time; returns how many."""
    with task_app() as app:
        renewed = execution_series.renew_when_possible(app.store, instants.now())
    if renewed is None:
        get_run_logger().info("executions are being added; their series are renewed later")
        return 0
    get_run_logger().info("%d points of %d groups are new", renewed.points, renewed.groups)
    return renewed.points


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="score forecasts", timeout_seconds=1800)
def score(at: str | None) -> int:
    """Returns how many."""
    with task_app() as app:
        count = issued_forecasts.score(app.store, _instant(at))
    get_run_logger().info("%d forecasts scored", count)
    return count


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="issue forecasts", timeout_seconds=7200)
def issue(at: str | None) -> int:
    """Returns how many were issued; shows how many series are done."""
    progress = cast("UUID", create_progress_artifact(0.0, key="forecasts-progress"))

    def tell(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            update_progress_artifact(progress, 100.0 * done / total)

    with task_app() as app:
        specs, instant = app.series_specs, _instant(at)
        champions = read_champions(app.store, specs, app.champion_files, instant)
        outcomes = issued_forecasts.issue(app.store, specs, instant, tell, champions)
    for one in outcomes:
        get_run_logger().info(
            "%s: %d series; %d issued, %d refused, %d still new",
            one.spec,
            one.series,
            one.issued,
            one.refused,
            one.fresh,
        )
    return sum(one.issued for one in outcomes)


@task(cache_policy=NO_CACHE, task_run_name="train series specs", timeout_seconds=7200)
def train(at: str | None) -> int:
    """Train what is due: nothing serves, it is time, or the forecasts drift.

    Returns how many specs were trained; one that is refused is none.
    """
    count = 0
    with task_app() as app:
        specs, instant = app.series_specs, _instant(at)
        champions = read_champions(app.store, specs, app.champion_files, instant)
        for spec in specs:
            due = series_retraining.find_due(app.store, spec, champions.get(spec.name), instant)
            if due is None:
                continue
            get_run_logger().info("%s is trained: %s", spec.name, due.reason)
            try:
                outcome = series_retraining.run_training(
                    app.store, app.registry, spec, due, instant
                )
            except Refused as refused:
                get_run_logger().warning("%s", refused)
                continue
            said = "; ".join(outcome.reasons)
            get_run_logger().info("%s: passed %s: %s", spec.name, outcome.passed, said)
            count += outcome.passed
    return count


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="watch regressions", timeout_seconds=1800)
def watch_regressions(at: str | None) -> int:
    """Returns how many stand."""
    with task_app() as app:
        standing = regressions.watch_regressions(app.store, _instant(at), app.series_specs)
    get_run_logger().info("%d regressions stand", len(standing))
    return len(standing)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="watch limits", timeout_seconds=1800)
def watch_limits(at: str | None) -> int:
    """Returns how many series are at or near their limit."""
    with task_app() as app:
        near = limit_alerts.watch_limits(app.store, app.series_specs, _instant(at))
    get_run_logger().info("%d series are at or near their limit", len(near))
    return len(near)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="watch anomalies", timeout_seconds=1800)
def watch_anomalies(at: str | None) -> int:
    """Returns how many scopes have anomalies that no open incident tells."""
    with task_app() as app:
        causes = anomaly_watch.watch_anomalies(app.store, app.series_specs, _instant(at))
    get_run_logger().info("%d scopes have anomalies", len(causes))
    return len(causes)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="measure health", timeout_seconds=1800)
def measure_health(at: str | None) -> int:
    """Returns of how many scopes."""
    with task_app() as app:
        scopes = health_watch.measure_health(app.store, _instant(at))
    get_run_logger().info("health of %d scopes measured", scopes)
    return scopes


def _instant(at: str | None) -> datetime:
    return instants.parse(at, "at") if at else instants.now()
