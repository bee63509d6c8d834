"""Retraining as tasks: ask, announce by an event, begin, end."""

from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from runlore.kernel.errors import DataRefused, LeakRefused, Refused
from runlore.kernel.instants import now
from runlore.monitoring.actions.monitoring import MonitorOutcome, because_of_drift
from runlore.performance.actions.windows import PerformanceOutcome, because_of_performance
from runlore.retraining.actions import announcing, course, requests
from runlore.retraining.actions.course import TrainingEnd, TrainingStart
from runlore.retraining.actions.requests import RetrainingCause
from runlore.retraining.queries import Retraining
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(
    **RETRIES,
    cache_policy=NO_CACHE,
    task_run_name="request {spec}",
    timeout_seconds=600,
)
def ask(spec: str, drift: MonitorOutcome | None, performance: PerformanceOutcome | None) -> None:
    """Write down what a window and the scores of answers ask for, wanted or refused.

    A request is made now, also when the window ended long ago, as in `runlore monitor --at`.
    """
    wishes = [because_of_drift(drift)] if drift else []
    wishes += [because_of_performance(performance)] if performance else []
    with task_app() as app:
        for wish in wishes:
            if isinstance(wish, RetrainingCause):
                answer = requests.request(app.store, app.registry, app.spec(spec), wish, now())
                _say(answer.retraining)


@task(
    **RETRIES,
    cache_policy=NO_CACHE,
    task_run_name="is {spec} due",
    timeout_seconds=600,
)
def look(spec: str) -> None:
    """Ask for what is due by schedule or by new outcomes."""
    with task_app() as app:
        answer = requests.look(app.store, app.registry, app.spec(spec), now())
    if answer is not None:
        _say(answer.retraining)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="announce requests", timeout_seconds=120)
def announce() -> int:
    """Send an event for each request that waits; how many that were.

    `runlore alerts deliver` has sent it already, unless that is away.
    """
    with task_app() as app:
        announced = announcing.announce(app.store, now(), send)
    for request in announced:
        get_run_logger().info("announced retraining %d of %s", request.id, request.wanted.spec)
    return len(announced)


def send(request: Retraining) -> None:
    spec = request.wanted.spec
    resource = {"prefect.resource.id": f"runlore.spec.{spec}", "prefect.resource.name": spec}
    emit_event(announcing.WANTED, resource=resource, payload=announcing.payload(request))


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="begin request", timeout_seconds=600)
def begin(request: int | None) -> TrainingStart | None:
    """Take a request on, the oldest that waits unless told which."""
    with task_app() as app:
        number = course.oldest_waiting(app.store) if request is None else request
        if number is None:
            return None
        spec = app.spec(requests.show(app.store, number).wanted.spec)
        return course.begin(app.store, spec, number, now())


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="end request {begun.id}", timeout_seconds=600)
def end(begun: TrainingStart, outcome: Any) -> TrainingEnd:  # noqa: ANN401  (an outcome, or what was raised)
    """Write down what a training came to."""
    ending = ending_of(outcome)
    with task_app() as app:
        course.end(app.store, begun, ending, now())
    get_run_logger().info("%s: %s: %s", begun.spec, ending.state, ending.reason)
    return ending


def ending_of(outcome: object) -> TrainingEnd:
    """found: what the flow `train` returned, or raised."""
    if isinstance(outcome, DataRefused | LeakRefused):
        return TrainingEnd("refused", str(outcome), command=outcome.command)
    if isinstance(outcome, Refused):
        return TrainingEnd("refused", str(outcome))
    if not isinstance(outcome, dict):
        return TrainingEnd("failed", f"{type(outcome).__name__}: {outcome}")
    reasons = "; ".join(outcome["reasons"])
    # The run is named by its id: the address of its page depends on who looks.
    evidence = {name: value for name, value in outcome.items() if name != "page"}
    if not outcome["passed"]:
        return TrainingEnd("refused", f"{outcome['candidate']}: {reasons}", True, evidence)
    compared = outcome["challenge"] or {"reason": reasons}
    reason = f"version {outcome['version']} is @{outcome['alias']}: {compared['reason']}"
    return TrainingEnd("done", reason, True, evidence)


def _say(retraining: Retraining) -> None:
    figures = (retraining.id, retraining.wanted.spec, retraining.state, retraining.reason)
    get_run_logger().info("retraining %d of %s is %s: %s", *figures)
