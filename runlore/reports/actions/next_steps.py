"""What the loop does next for a spec, and when: a training, a rollout's look, or a check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from runlore.alerts.rules import decision
from runlore.reports.actions.overview import SpecOverview
from runlore.retraining.actions import course
from runlore.retraining.queries import Retraining
from runlore.retraining.rules import limit_reached
from runlore.rollout.actions import rollout_state
from runlore.rollout.actions.rollout_state import RolloutState
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

NextKind = Literal["training", "rollout", "person", "check", "first"]


@dataclass(frozen=True)
class NextStep:
    """kind: what it is about. at: not before this instant; None: none is known."""

    kind: NextKind
    what: str
    at: datetime | None = None


def next_step(store: Store, spec: ModelSpec, standing: SpecOverview, at: datetime) -> NextStep:
    """Say what comes next, by what is under way and by the spec's policies.

    Everything but a person's decision happens while `runlore up` runs.
    """
    waiting = course.going_on(store, spec.name)
    if waiting:
        return _training(waiting[0])
    state = rollout_state.newest(store, spec.name)
    if state is not None and not state.is_over:
        return _rollout(state)
    if standing.champion is None:
        return NextStep("first", f"The first training: `runlore train {spec.name}`.")
    if decision.KIND in standing.alerts:
        return NextStep("person", "It waits for your decision.")
    return _check(spec, course.trainings_begun(store, spec.name), standing, at)


def _training(retraining: Retraining) -> NextStep:
    if retraining.state == "started":
        what = f"Training {retraining.id} runs ({retraining.wanted.reason}), since"
        return NextStep("training", what, retraining.steps[-1].at)
    return NextStep(
        "training", f"Training {retraining.id} starts within seconds while `runlore up` runs."
    )


def _rollout(state: RolloutState) -> NextStep:
    of = state.rollout
    if state.paused_by is not None:
        return NextStep("person", f"The rollout of version {of.challenger} is on hold by an order.")
    share = f"version {of.challenger} has {state.step} % of every {of.unit}"
    return NextStep("rollout", f"The rollout goes on: {share}; it is looked at every five minutes.")


def _check(
    spec: ModelSpec, begun: Sequence[datetime], standing: SpecOverview, at: datetime
) -> NextStep:
    policy = spec.retraining
    if limit_reached(begun, at, policy):
        earliest = _earliest(spec, begun)
        return NextStep("check", "It watches daily; another training is allowed from", earliest)
    last = max([*begun, *([standing.trained.at] if standing.trained else [])], default=None)
    if policy.every_s is not None and last is not None:
        return NextStep("check", "It trains again on", last + timedelta(seconds=policy.every_s))
    least = f"{policy.least_new_labels:,} new outcomes"
    return NextStep(
        "check", f"It watches daily, and trains again on drift or a broken floor after {least}."
    )


def _earliest(spec: ModelSpec, begun: Sequence[datetime]) -> datetime:
    """When cooldown and budget both allow another training."""
    policy, past = spec.retraining, sorted(begun)
    cooled = past[-1] + timedelta(seconds=policy.cooldown_s)
    if len(past) < policy.budget:
        return cooled
    freed = past[-policy.budget] + timedelta(seconds=policy.budget_window_s)
    return max(cooled, freed)
