"""Where a rollout stands, the policy by which it climbs, and the evidence that decides it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from runlore.experiments.rules.outcome_metric import Metric, Statistics, no_statistics
from runlore.kernel.moments import Moments
from runlore.rollout.queries import evidence, rollouts
from runlore.rollout.queries.evidence import ArmCounts, EvidenceQuery, SharePeriod, UnitCounts
from runlore.rollout.queries.rollouts import RecordedDecision, Rollout
from runlore.rollout.rules import follow_up
from runlore.rollout.rules.evidence import BOTH, ArmEvidence, RolloutEvidence, Stratum
from runlore.rollout.rules.follow_up import FollowUp
from runlore.rollout.rules.policy import WHOLE, RampPolicy
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Connection, Store

LATENCY, ERRORS, REFUSALS = "latency_ms", "errors", "refusals"
RISES, FALLS = "prediction rises", "prediction falls"
TAIL = 0.9


# From a change of the share until every worker assigns units by it: the commit, and the second in
# which workers follow, longer where the registry is slow.
SETTLE = timedelta(seconds=60)

ENDS = ("roll back", "promote")
PAUSING, RESUMING = "hold", ("resume", "step", "promote", "stop")

# Which of loss, count and outcome each kind of score uses.
PLACES = {"mean": (0, 2), "ratio": (0, 1, 2)}


def score_name(spec: ModelSpec) -> str:
    """Return the name of the score that a rollout compares: the loss of single predictions."""
    return "brier" if spec.is_probability else "absolute error"


def policy_of(spec: ModelSpec) -> RampPolicy:
    """Build the policy of a new rollout; a rollout keeps the policy that it started with."""
    declared = spec.rollout
    return RampPolicy(
        metrics=_metrics(spec),
        steps=declared.steps,
        alpha=declared.alpha,
        promote_when=declared.promote_when,
        least_units=declared.least_units,
        least_time_s=declared.least_time_s,
        least_known=declared.least_known,
        freshest_s=declared.freshest_s,
        most_pause_s=declared.most_pause_s,
        narrowest_at_units=declared.narrowest_at_units,
    )


def _metrics(spec: ModelSpec) -> tuple[Metric, ...]:
    """What is compared, score first.

    Whether the work fails, or how long it takes, explains most of how an answer's loss varies and
    is the same for both versions: as a covariate it saves most of the units (CUPED).
    """
    declared = spec.rollout
    return (
        Metric(
            score_name(spec),
            "mean" if declared.unit == "execution" else "ratio",
            "lower",
            "primary",
            declared.score_loss,
            has_covariate=True,
        ),
        Metric(LATENCY, "quantile", "lower", "guardrail", declared.latency_loss, quantile=TAIL),
        Metric(ERRORS, "proportion", "lower", "guardrail", declared.error_share, "absolute"),
        Metric(REFUSALS, "proportion", "lower", "guardrail", declared.refusal_share, "absolute"),
        Metric(RISES, "mean", "lower", "signal", declared.prediction_shift, "absolute"),
        Metric(FALLS, "mean", "higher", "signal", declared.prediction_shift, "absolute"),
    )


@dataclass(frozen=True)
class StratumPeriod:
    """share: of units, 0 .. 1, while `span`."""

    share: float
    span: SharePeriod


@dataclass(frozen=True)
class RolloutState:
    """history: decisions without their evidence, oldest first; there is always one."""

    rollout: Rollout
    history: Sequence[RecordedDecision]

    @property
    def policy(self) -> RampPolicy:
        return RampPolicy.from_json(self.rollout.policy)

    @property
    def newest(self) -> RecordedDecision:
        return self.history[-1]

    @property
    def step(self) -> int:
        return self.newest.step

    @property
    def is_over(self) -> bool:
        return self.newest.action in ENDS

    @property
    def step_began_at(self) -> datetime:
        return self._changes()[-1].at

    @property
    def paused_by(self) -> RecordedDecision | None:
        """The order that makes it wait, if there is one that nobody has taken back."""
        for entry in reversed(self.history):
            if entry.ordered == PAUSING:
                return entry
            if entry.ordered in RESUMING:
                return None
        return None

    def strata(self) -> list[StratumPeriod]:
        """The periods with one share each, the current one last."""
        changes = [decision for decision in self._changes() if 0 < decision.step < WHOLE]
        ends: list[datetime | None] = [decision.at for decision in self._changes()[1:]]
        ends += [None] * (len(changes) - len(ends))
        periods = [
            StratumPeriod(change.step / WHOLE, SharePeriod(change.at + SETTLE, end))
            for change, end in zip(changes, ends, strict=False)
        ]
        return [period for period in periods if period.span.ends is None or _is_long(period.span)]

    def _changes(self) -> list[RecordedDecision]:
        before = [None, *(decision.step for decision in self.history)]
        return [
            decision
            for decision, step in zip(self.history, before, strict=False)
            if decision.step != step
        ]


def read(connection: Connection, spec: str) -> RolloutState | None:
    """The newest rollout of a spec; None when there never was one."""
    rollout = rollouts.last(connection, spec)
    return None if rollout is None else of(connection, rollout)


def newest(store: Store, spec: str) -> RolloutState | None:
    """The newest rollout of a spec without its evidence; None when there never was one."""
    with store.begin() as connection:
        return read(connection, spec)


def of(connection: Connection, rollout: Rollout) -> RolloutState:
    """Return a rollout with its decisions so far."""
    return RolloutState(rollout, rollouts.history(connection, rollout.id))


def as_json(state: RolloutState) -> dict[str, Any]:
    """Return the state of a rollout as a JSON document."""
    newest, paused = state.newest, state.paused_by
    return {
        "id": state.rollout.id,
        "spec": state.rollout.spec,
        "champion": state.rollout.champion,
        "challenger": state.rollout.challenger,
        "unit": state.rollout.unit,
        "started_at": state.rollout.started_at.isoformat(),
        "is_over": state.is_over,
        "action": newest.action,
        "step": state.step,
        "steps": list(state.policy.steps),
        "since": state.step_began_at.isoformat(),
        "paused_by": None if paused is None else paused.actor,
        "decided_at": newest.at.isoformat(),
        "reasons": list(newest.reasons),
    }


def _is_long(span: SharePeriod) -> bool:
    return span.ends is not None and span.ends > span.begins


def gather(store: Store, spec: ModelSpec, state: RolloutState, at: datetime) -> RolloutEvidence:
    """Count all units of the rollout in the database; raises Unavailable."""
    rollout, strata = state.rollout, state.strata()
    query = EvidenceQuery(
        spec=rollout.spec,
        champion=rollout.champion,
        challenger=rollout.challenger,
        unit=rollout.unit,
        of=spec.question.of,
        is_probability=spec.is_probability,
        kinds=spec.population.kinds,
        spans=[stratum.span for stratum in strata],
        ages_s=follow_up.ages(rollout.outcome_due_s),
        at=at,
    )
    counts = evidence.read(store, query)
    return RolloutEvidence(
        at=at,
        step=state.step,
        step_began_at=state.step_began_at,
        strata=_Comparison(state.policy.metrics).strata(strata, counts),
        decided_at=state.newest.at,
        unread=_unread(counts),
        began_at=strata[0].span.begins if strata else None,
    )


def _unread(counts: ArmCounts) -> tuple[str, ...]:
    if counts.unread is not None:
        return (counts.unread,)
    if counts.crossed:
        return (f"which arm {counts.crossed:,} units belong to: both arms answered them",)
    return ()


@dataclass(frozen=True)
class _Comparison:
    metrics: tuple[Metric, ...]

    def strata(self, strata: list[StratumPeriod], counts: ArmCounts) -> tuple[Stratum, ...]:
        """Strata without units are left out, except for the current one."""
        if counts.unread is not None:
            return ()
        compared = [
            Stratum(stratum.share, {name: self._arm(arms.get(name)) for name in {*BOTH, *arms}})
            for stratum, arms in zip(strata, counts.by_span, strict=True)
        ]
        return tuple(
            stratum
            for at, stratum in enumerate(compared)
            if at == len(compared) - 1 or any(arm.assigned for arm in stratum.arms.values())
        )

    def _arm(self, counted: UnitCounts | None) -> ArmEvidence:
        if counted is None:
            return ArmEvidence(
                0, {metric.name: no_statistics(metric) for metric in self.metrics}, None
            )
        of_answers = dict.fromkeys((LATENCY, RISES, FALLS), counted.answered)
        score = self.metrics[0]
        return ArmEvidence(
            assigned=counted.assigned,
            metrics={metric.name: _statistics(metric, counted) for metric in self.metrics},
            newest_at=counted.newest_at,
            due={**of_answers, score.name: counted.due},
            follow_ups={score.name: _followed(score, counted)},
        )


def _followed(score: Metric, counted: UnitCounts) -> tuple[FollowUp, ...]:
    places = PLACES[score.kind]
    return tuple(replace(of, known=_chosen(of.known, places)) for of in counted.follow_ups)


def _statistics(metric: Metric, counted: UnitCounts) -> Statistics:
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
