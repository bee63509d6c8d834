"""What comes next for a spec: a training, a rollout, a person, or the next check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from runlore.kernel.durations import DAY_S
from runlore.reports.actions import overview
from runlore.reports.actions.next_steps import NextStep, next_step
from runlore.retraining import queries
from runlore.retraining.queries import RetrainingRequest, RetrainingStep
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.bentos import products_world

SPEC = failure_risk.SPEC
AT = datetime(2026, 11, 20, tzinfo=UTC)
REQUEST = RetrainingRequest(AT, SPEC.name, "person", "ann", "new release", None, "b", 1, 0)


def step_of(store: Store, spec=SPEC, at=AT) -> NextStep:
    [standing] = overview.standing(store, [spec.name])
    return next_step(store, spec, standing, at)


def request_training(store: Store, *states: str, at: datetime = AT) -> None:
    with store.begin() as connection:
        made = queries.add(connection, REQUEST, RetrainingStep(at, "wanted", "allowed"))
        assert made is not None
        for state in states:
            queries.move(connection, made.id, RetrainingStep(at, state, "it went on"))


def test_without_a_version_the_first_training_comes_next(store: Store) -> None:
    assert step_of(store) == NextStep("first", "The first training: `runlore train failure-risk`.")


def test_a_training_goes_before_everything_else(store: Store) -> None:
    products_world.fill(store)
    request_training(store)
    assert "starts within seconds while `runlore up` runs" in step_of(store).what


def test_a_training_that_runs_says_since_when_and_why(store: Store) -> None:
    request_training(store, "started")
    step = step_of(store)
    assert (step.kind, step.at) == ("training", AT)
    assert "new release" in step.what


def test_after_a_training_the_cooldown_says_when_another_may_come(store: Store) -> None:
    products_world.serve(store)
    request_training(store, "started", "done")
    step = step_of(store, at=AT + timedelta(days=1))
    assert step.kind == "check"
    assert step.at == AT + timedelta(seconds=SPEC.retraining.cooldown_s)


def test_a_spent_budget_says_when_it_is_freed(store: Store) -> None:
    products_world.serve(store)
    policy = replace(SPEC.retraining, budget=1, cooldown_s=DAY_S, budget_window_s=30 * DAY_S)
    request_training(store, "started", "done")
    step = step_of(store, replace(SPEC, retraining=policy), AT + timedelta(days=2))
    assert step.at == AT + timedelta(days=30)


def test_a_schedule_says_when_it_trains_again(store: Store) -> None:
    products_world.serve(store)
    policy = replace(SPEC.retraining, every_s=100 * DAY_S)
    request_training(store, "started", "done")
    step = step_of(store, replace(SPEC, retraining=policy), AT + timedelta(days=10))
    [standing] = overview.standing(store, [SPEC.name])
    assert standing.trained is not None
    assert step.at == max(AT, standing.trained.at) + timedelta(days=100)


def test_without_anything_under_way_it_watches(store: Store) -> None:
    products_world.serve(store)
    assert step_of(store).what.startswith("It watches daily")
