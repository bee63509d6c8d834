"""Demo data of rollouts: the version of the retraining gets its first share of the traffic."""

from typing import TYPE_CHECKING

from runlore.cli.demo.tour import ACTOR, DemoWorld

if TYPE_CHECKING:
    from runlore.rollout.actions.rollout_state import RolloutState
    from runlore.specs.model_spec import ModelSpec

REASON = "trained after the change; requests will show whether it is better"


def add_rollout(world: DemoWorld) -> str:
    """Start the rollout of the first spec's newest version, unless it has had one."""
    from runlore.rollout.actions import rollout_state

    spec = world.app.spec(world.specs[0])
    with world.app.store.begin() as connection:
        state = rollout_state.read(connection, spec.name)
    if state is None:
        state = _start(world, spec)
    if state is None:
        return f"rollout: {spec.name} has one version, and none to compare it with"
    of = state.rollout
    return f"rollout: version {of.challenger} of {spec.name} has {state.step} % of every {of.unit}"


def _start(world: DemoWorld, spec: "ModelSpec") -> "RolloutState | None":
    """A version that the comparison held back competes all the same, as a person may decide."""
    from runlore.rollout.actions import steps
    from runlore.rollout.actions.steps import RolloutContext
    from runlore.serving.actions import promotion
    from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, ChangeReason

    store, registry, why = world.app.store, world.app.registry, ChangeReason(ACTOR, REASON)
    aliases = registry.aliases([spec.name])[spec.name]
    if CHALLENGER not in aliases:
        versions = registry.versions(spec.name)
        newest = max(versions, key=lambda ref: int(ref.version))
        if newest.version == aliases[CHAMPION].version:
            return None
        promotion.announce(store, registry, newest, why)
    context = RolloutContext(store, registry, world.app.settings.home / "serving")
    return steps.start(context, spec, world.now, why)
