"""Where a rollout stands: what its decisions come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runlore.rollout.queries import rollouts
from runlore.rollout.queries.evidence import SharePeriod
from runlore.rollout.queries.rollouts import RecordedDecision, Rollout
from runlore.rollout.rules.policy import WHOLE, RampPolicy
from runlore.store.engine import Connection

SETTLE = timedelta(seconds=60)
"""After a change of the share was written, until every worker assigns units by it: the commit, and
the second in which workers follow, longer where the registry is slow."""

ENDS = ("roll back", "promote")
PAUSING, RESUMING = "hold", ("resume", "step", "promote", "stop")


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
        """Times of one share each, the one of now last."""
        changes = [each for each in self._changes() if 0 < each.step < WHOLE]
        ends: list[datetime | None] = [each.at for each in self._changes()[1:]]
        ends += [None] * (len(changes) - len(ends))
        found = [
            StratumPeriod(change.step / WHOLE, SharePeriod(change.at + SETTLE, end))
            for change, end in zip(changes, ends, strict=False)
        ]
        return [each for each in found if each.span.ends is None or _is_long(each.span)]

    def _changes(self) -> list[RecordedDecision]:
        before = [None, *(each.step for each in self.history)]
        return [each for each, step in zip(self.history, before, strict=False) if each.step != step]


def read(connection: Connection, spec: str) -> RolloutState | None:
    """The newest rollout of a spec; None when there never was one."""
    found = rollouts.last(connection, spec)
    return None if found is None else of(connection, found)


def of(connection: Connection, rollout: Rollout) -> RolloutState:
    return RolloutState(rollout, rollouts.history(connection, rollout.id))


def as_json(state: RolloutState) -> dict[str, Any]:
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
