"""One look at an A/B test as a task, with what it says where people look."""

import re

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from runlore.experiments.actions import analysis
from runlore.experiments.actions.lifecycle import Attribution
from runlore.experiments.queries.experiments import RecordedLook
from runlore.experiments.views import report
from runlore.kernel.instants import now, parse
from tasks.edge import task_app
from tasks.retry import RETRIES

NOT_IN_A_KEY = re.compile(r"[^a-z0-9]+")


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="list running tests", timeout_seconds=60)
def running() -> list[str]:
    """The names of the tests that run, the oldest first."""
    with task_app() as app:
        return analysis.running(app.store)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="analyse {name}", timeout_seconds=600)
def look(name: str, at: str | None) -> RecordedLook:
    """Record one look. A task of its own: what comes after it may fail and never repeats it."""
    who = Attribution("ab flow", parse(at, "at") if at else now())
    with task_app() as app:
        return analysis.analyse(app.store, name, who)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="show {name}", timeout_seconds=60)
def show(name: str, recorded: RecordedLook) -> str:
    """What the look says: the answer, with the winner if there is one."""
    headline = report.headline(recorded)
    tell = get_run_logger().warning if recorded.answer == "invalid" else get_run_logger().info
    tell("%s, %s", name, headline)
    key = NOT_IN_A_KEY.sub("-", name.lower()).strip("-")
    page = report.markdown(name, recorded)
    create_markdown_artifact(page, key=f"ab-{key}", description=f"{name}: {headline}")
    return headline
