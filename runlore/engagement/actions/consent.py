"""Trainings leave out the personas that opted out."""

from dataclasses import replace

from runlore.privacy.queries.opt_outs import opted_out
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store


def without_opted_out(store: Store, spec: ModelSpec) -> ModelSpec:
    """The spec, whose population is without the personas that are out now."""
    with store.connect() as connection:
        out = tuple(sorted(opted_out(connection)))
    if not out:
        return spec
    return replace(spec, population=replace(spec.population, without_actors=out))
