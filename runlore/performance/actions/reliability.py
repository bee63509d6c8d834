"""The reliability of a version's newest answers."""

from datetime import datetime, timedelta

from runlore.performance.actions.windows import answered_of
from runlore.performance.rules.reliability import ReliabilityGroup, reliability_groups
from runlore.serving.queries import answers
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

NEWEST = 5_000  # answers that are compared; a page must not wait for more


def reliability(
    store: Store, spec: ModelSpec, version: str, at: datetime, tested_from: datetime | None = None
) -> tuple[ReliabilityGroup, ...]:
    """Compare the newest answers in the windows of performance with what came, as known at `at`.

    Empty of a quantity, and while no outcome is known. tested_from: where the training's test part
    begins; answers for the work before it do not count, for it taught the version.
    """
    if not spec.is_probability:
        return ()
    policy = spec.performance
    since = at - timedelta(seconds=policy.window_s * policy.windows)
    since = since if tested_from is None else max(since, tested_from)
    vectors = answers.read(store, spec.name, version, since, at, NEWEST)
    known = answered_of(vectors, spec, at)
    return reliability_groups(known.prediction, known.actual)
