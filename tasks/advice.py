"""Advice as tasks: score what was given, say which visits are due, then search for more."""

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.advice.actions import due_visits, recommending, track_record
from runlore.engagement.actions import suggesting, suggestion_record
from runlore.kernel import instants
from tasks.edge import task_app
from tasks.retry import RETRIES

REQUESTER = "daily search"


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="score advice", timeout_seconds=3600)
def score_advice(at: str | None) -> dict[str, int]:
    with task_app() as app:
        scored, withdrawn = track_record.score_advice(app.store, _instant(at))
        of_posts, refuted = suggestion_record.score_suggestions(app.store, _instant(at))
    scored, withdrawn = scored + of_posts, withdrawn + refuted
    get_run_logger().info("%d scored, %d withdrawn", scored, withdrawn)
    return {"scored": scored, "withdrawn": withdrawn}


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="watch maintenance", timeout_seconds=1800)
def watch_maintenance(at: str | None) -> dict[str, int]:
    with task_app() as app:
        seen = due_visits.watch_maintenance(
            app.store, app.maintenance_specs, app.series_specs, _instant(at)
        )
    get_run_logger().info("%d scopes, %d visits due", seen.scopes, seen.due)
    return {"scopes": seen.scopes, "visits_due": seen.due, "visits_settled": seen.settled}


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="search advice", timeout_seconds=6600)
def search_advice(at: str | None) -> dict[str, int]:
    with task_app() as app:
        subjects, advised = recommending.recommend_all(app.store, REQUESTER, _instant(at))
        personas, helped = suggesting.search_all(app.store, REQUESTER, _instant(at))
    subjects, advised = subjects + personas, advised + helped
    get_run_logger().info("%d of %d have advice", advised, subjects)
    return {"subjects": subjects, "advised": advised}


def _instant(at: str | None) -> datetime:
    return instants.parse(at, "at") if at else instants.now()
