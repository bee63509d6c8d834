"""Retraining as tasks: ask, announce by an event, begin, end."""

from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from runlore import registry, settings
from runlore.kernel.errors import Refused
from runlore.kernel.instants import now, parse
from runlore.monitoring.actions.monitoring import MonitorOutcome, because_of_drift
from runlore.performance.actions.windows import PerformanceOutcome, because_of_performance
from runlore.retraining.actions import course, requests
from runlore.retraining.actions.course import Begun, TrainingEnd
from runlore.retraining.actions.requests import Wish
from runlore.retraining.queries import Retraining
from runlore.specs import loading
from runlore.store.engine import open_store
from tasks.retry import RETRIES

EVENT = "runlore.retraining.wanted"


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="ask for {spec}", timeout_seconds=600)
def ask(
    spec: str, drift: MonitorOutcome | None, performance: PerformanceOutcome | None, at: str | None
) -> None:
    """Write down what a window and the scores of answers ask for, wanted or refused."""
    wishes = [because_of_drift(drift)] if drift else []
    wishes += [because_of_performance(performance)] if performance else []
    chosen = settings.read()
    instant = parse(at, "at") if at else now()
    with open_store(chosen) as store:
        known = registry.connect(chosen, store)
        for wish in wishes:
            if isinstance(wish, Wish):
                wanted = loading.find(chosen, spec)
                _say(requests.request(store, known, wanted, wish, instant).retraining)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="look at {spec}", timeout_seconds=600)
def look(spec: str) -> None:
    """Ask for what is due by schedule or by new outcomes."""
    chosen = settings.read()
    with open_store(chosen) as store:
        known = registry.connect(chosen, store)
        found = requests.look(store, known, loading.find(chosen, spec), now())
    if found is not None:
        _say(found.retraining)


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="announce retrainings", timeout_seconds=120)
def announce() -> int:
    """Send an event for each request that waits; how many that were.

    An event may be lost on its way: what nobody has begun is announced again later.
    """
    with open_store(settings.read()) as store:
        waiting = course.to_announce(store, now())
        for each in waiting:
            emit_event(EVENT, **event_of(each))
            course.announced(store, each.id, now())
            get_run_logger().info("announced retraining %d of %s", each.id, each.wanted.spec)
    return len(waiting)


def event_of(each: Retraining) -> dict[str, Any]:
    """What Prefect is told of a request; the automation reads `request`."""
    spec = each.wanted.spec
    return {
        "resource": {"prefect.resource.id": f"runlore.spec.{spec}", "prefect.resource.name": spec},
        "payload": {
            "request": each.id,
            "spec": spec,
            "trigger": each.wanted.trigger,
            "actor": each.wanted.actor,
            "reason": each.wanted.reason,
            "batch": each.wanted.batch,
        },
    }


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="begin {request}", timeout_seconds=600)
def begin(request: int | None) -> Begun | None:
    """Take a request on, the oldest that waits unless told which."""
    chosen = settings.read()
    with open_store(chosen) as store:
        number = course.oldest_waiting(store) if request is None else request
        if number is None:
            return None
        spec = loading.find(chosen, requests.show(store, number).wanted.spec)
        return course.begin(store, spec, number, now())


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="end {begun.id}", timeout_seconds=600)
def end(begun: Begun, found: Any) -> TrainingEnd:  # noqa: ANN401  (an outcome, or what was raised)
    """Write down what a training came to."""
    ending = ending_of(found)
    with open_store(settings.read()) as store:
        course.end(store, begun, ending, now())
    get_run_logger().info("%s: %s: %s", begun.spec, ending.state, ending.reason)
    return ending


def ending_of(found: object) -> TrainingEnd:
    """found: what the flow `train` returned, or raised."""
    if isinstance(found, Refused):
        return TrainingEnd("refused", str(found))
    if not isinstance(found, dict):
        return TrainingEnd("failed", f"{type(found).__name__}: {found}")
    reasons = "; ".join(found["reasons"])
    if not found["passed"]:
        return TrainingEnd("refused", f"{found['candidate']}: {reasons}", True, found)
    compared = found["challenge"] or {"reason": reasons}
    told = f"version {found['version']} is @{found['alias']}: {compared['reason']}"
    return TrainingEnd("done", told, True, found)


def _say(each: Retraining) -> None:
    told = (each.id, each.wanted.spec, each.state, each.reason)
    get_run_logger().info("retraining %d of %s is %s: %s", *told)
