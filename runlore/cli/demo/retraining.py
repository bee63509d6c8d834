"""Demo data of retraining: carry out what drift has asked for."""

from typing import Any

from runlore.cli.demo.tour import ACTOR, DemoWorld

REASON = "new work since the first training"


def add_retraining(world: DemoWorld) -> str:
    """Carry out the waiting request of the first spec; a person makes one where none waits.

    A spec that has more than one version was trained again before.
    """
    from flows.retrain import retrain
    from flows.runner import result_of
    from runlore.retraining.actions import requests
    from runlore.retraining.actions.requests import RetrainingCause

    store, name = world.app.store, world.specs[0]
    if len(world.app.registry.versions(name)) > 1:
        return f"retraining: {name} was trained again before"
    cause = RetrainingCause("person", ACTOR, REASON)
    made = requests.request(store, world.app.registry, world.app.spec(name), cause, world.now)
    state: Any = retrain(made.retraining.id, return_state=True)
    outcome = result_of(state) if state.is_completed() else state.message
    done = requests.show(store, made.retraining.id)
    return f"retraining {done.id} of {name} is {done.state}: {done.reason or outcome}"
