"""Service objectives in `/metrics`: what is left of each budget, and how fast it burns."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from prometheus_client import Metric

from bentos.app.metric_family import Labels, gauge
from runlore.kernel import instants
from runlore.signals.actions.objectives import ObjectiveStatus, read_objectives
from runlore.specs.objective_spec import ObjectiveSpec
from runlore.store.engine import Store

REREAD_S = 60.0
MOST_SHARE = 0.05  # of the time that reading may take


@dataclass
class ObjectiveReader:
    """How the objectives stand, read once a minute, and less often where that takes long."""

    specs: Sequence[ObjectiveSpec]
    clock: Callable[[], float] = time.monotonic
    _statuses: Sequence[ObjectiveStatus] = ()
    _due_at: float = field(default=float("-inf"))

    def read(self, store: Store) -> Sequence[ObjectiveStatus]:
        began = self.clock()
        if self.specs and began >= self._due_at:
            self._statuses = read_objectives(store, self.specs, instants.now())
            self._due_at = began + max(REREAD_S, (self.clock() - began) / MOST_SHARE)
        return self._statuses


def objective_families(statuses: Sequence[ObjectiveStatus]) -> Iterator[Metric]:
    """What has no events is left out."""
    if not statuses:
        return
    target: dict[Labels, float] = {(one.spec.name,): one.spec.target for one in statuses}
    good: dict[Labels, float] = {(one.spec.name,): one.budget.sli for one in statuses}
    left: dict[Labels, float] = {(one.spec.name,): one.budget.left for one in statuses}
    burns: dict[Labels, float] = {
        (one.spec.name, str(burn.window_s)): burn.burn for one in statuses for burn in one.burns
    }
    name = ("objective",)
    yield gauge("objective_target", "Share of events that must be good", name).add(target)
    yield gauge("objective_good", "Share of good events over the period", name).add(_known(good))
    yield gauge("objective_budget_left", "Share of the error budget", name).add(_known(left))
    rate = gauge(
        "objective_burn_rate", "1 spends the budget in one period", ("objective", "window_s")
    )
    yield rate.add(_known(burns))


def _known(values: Mapping[Labels, float]) -> dict[Labels, float]:
    return {labels: value for labels, value in values.items() if isfinite(value)}
