"""Advice as tasks: what was given is scored, then all subjects that are due are searched."""

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.advice.actions import recommending, track_record
from runlore.kernel import instants
from tasks.edge import task_app
from tasks.retry import RETRIES

REQUESTER = "daily search"


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="score advice", timeout_seconds=3600)
def score_advice(at: str | None) -> dict[str, int]:
    with task_app() as app:
        scored, withdrawn = track_record.score_advice(app.store, _instant(at))
    get_run_logger().info("%d scored, %d withdrawn", scored, withdrawn)
    return {"scored": scored, "withdrawn": withdrawn}


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="search advice", timeout_seconds=6600)
def search_advice(at: str | None) -> dict[str, int]:
    with task_app() as app:
        subjects, advised = recommending.recommend_all(app.store, REQUESTER, _instant(at))
    get_run_logger().info("%d of %d have advice", advised, subjects)
    return {"subjects": subjects, "advised": advised}


def _instant(at: str | None) -> datetime:
    return instants.parse(at, "at") if at else instants.now()
