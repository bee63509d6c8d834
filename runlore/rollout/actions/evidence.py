"""What a rollout is decided on, out of the ledger and the log."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from runlore.experiments.rules.metric import Metric, Statistics
from runlore.experiments.rules.sketch import Sketch
from runlore.kernel.moments import Moments, no_moments
from runlore.rollout.actions.policy import ERRORS, FALLS, LATENCY, REFUSALS, RISES
from runlore.rollout.actions.state import RolloutState, StratumPeriod
from runlore.rollout.queries import evidence
from runlore.rollout.queries.evidence import ArmCounts, Counted, EvidenceQuery
from runlore.rollout.rules.evidence import BOTH, ArmEvidence, RolloutEvidence
from runlore.rollout.rules.evidence import Stratum as Compared
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

PLACES = {"mean": (0, 2), "ratio": (0, 1, 2)}
"""Which of loss, count and outcome a score's kind takes."""


def gather(store: Store, spec: ModelSpec, state: RolloutState, at: datetime) -> RolloutEvidence:
    """All units of the rollout until now, added up by the database; raises Unavailable."""
    rollout, strata = state.rollout, state.strata()
    wanted = EvidenceQuery(
        spec=rollout.spec,
        champion=rollout.champion,
        challenger=rollout.challenger,
        unit=rollout.unit,
        of=spec.question.of,
        is_probability=spec.is_probability,
        kinds=spec.population.kinds,
        spans=[each.span for each in strata],
        due_at=at - timedelta(seconds=rollout.outcome_due_s),
        at=at,
    )
    found = evidence.read(store, wanted)
    return RolloutEvidence(
        at=at,
        step=state.step,
        step_began_at=state.step_began_at,
        strata=_Comparison(state.policy.metrics).strata(strata, found),
        decided_at=state.newest.at,
        unread=_unread(found),
    )


def _unread(found: ArmCounts) -> tuple[str, ...]:
    if found.unread is not None:
        return (found.unread,)
    if found.crossed:
        return (f"which arm {found.crossed:,} units belong to: both arms answered them",)
    return ()


@dataclass(frozen=True)
class _Comparison:
    metrics: tuple[Metric, ...]

    def strata(self, strata: list[StratumPeriod], found: ArmCounts) -> tuple[Compared, ...]:
        """Strata in which nobody came are left out, but for the one of now."""
        if found.unread is not None:
            return ()
        told = [
            Compared(stratum.share, {name: self._arm(arms.get(name)) for name in {*BOTH, *arms}})
            for stratum, arms in zip(strata, found.by_span, strict=True)
        ]
        return tuple(
            each
            for at, each in enumerate(told)
            if at == len(told) - 1 or any(arm.assigned for arm in each.arms.values())
        )

    def _arm(self, counted: Counted | None) -> ArmEvidence:
        if counted is None:
            return ArmEvidence(0, {each.name: _nothing(each) for each in self.metrics}, None)
        of_answers = dict.fromkeys((LATENCY, RISES, FALLS), counted.answered)
        score = self.metrics[0]
        return ArmEvidence(
            assigned=counted.assigned,
            metrics={each.name: _statistics(each, counted) for each in self.metrics},
            newest_at=counted.newest_at,
            due={**of_answers, score.name: counted.due},
        )


def _nothing(metric: Metric) -> Statistics:
    return Sketch() if metric.kind == "quantile" else no_moments(metric.values)


def _statistics(metric: Metric, counted: Counted) -> Statistics:
    by_name: dict[str, Statistics] = {
        LATENCY: counted.latency,
        ERRORS: counted.errors,
        REFUSALS: counted.refusals,
        RISES: counted.prediction,
        FALLS: counted.prediction,
    }
    if metric.name in by_name:
        return by_name[metric.name]
    return _chosen(counted.loss, PLACES[metric.kind])


def _chosen(of: Moments, places: tuple[int, ...]) -> Moments:
    """Some of the values of units."""
    means = tuple(of.means[at] for at in places)
    return Moments(of.n, means, tuple(tuple(of.products[i][j] for j in places) for i in places))
