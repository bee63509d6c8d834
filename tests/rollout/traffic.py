"""Requests to a spec whose challenger has a share: answers on the ledger, and what came of them."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import pyarrow as pa

from runlore.experiments.rules.assignment import fraction
from runlore.ingest.queries import facts
from runlore.kernel.instants import to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.serving.actions import promotion
from runlore.serving.queries import ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import ModelSpec, RolloutPolicy
from runlore.store.engine import Store
from runlore.store.months import transaction

HOUR = timedelta(hours=1)
POLICY = RolloutPolicy(
    steps=(20, 50, 100),
    score_loss=0.1,
    least_units=50,
    least_time_s=600.0,
    outcome_due_s=600.0,
    narrowest_at_units=2_000,
)
SPEC: ModelSpec = replace(failure_risk.SPEC, rollout=POLICY)
TOLD_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Version:
    """How a version answers: noise of its probability, seconds, and how often it fails."""

    noise: float = 0.05
    latency_ms: float = 8.0
    errors: float = 0.0
    refusals: float = 0.0


@dataclass
class Traffic:
    """Units come evenly; the work of a fifth of them fails, as their true risks have it.

    named: the arms' names on the ledger. told: the share of outcomes that become known.
    """

    store: Store
    versions: dict[str, str]
    digest: str
    answers: dict[str, Version]
    spec: ModelSpec = SPEC
    named: dict[str, str] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    count: int = 0

    def run(self, begin: datetime, units: int, span: timedelta = HOUR) -> None:
        rng = np.random.default_rng([self.seed, self.count])
        arms = promotion.arms(self.store)
        share = arms[self.spec.name].share if self.spec.name in arms else 0.0
        names = [f"{self.seed}-{self.count + at}" for at in range(units)]
        self.count += units
        risks = rng.beta(1, 4, units)
        failed = rng.random(units) < risks
        instants = [begin + span * (at / units) for at in range(units)]
        drawn = [self._arm(name, share) for name in names]
        rows = [
            self._row(rng, name, arm, risk, at)
            for name, arm, risk, at in zip(names, drawn, risks, instants, strict=True)
        ]
        transaction(self.store, lambda connection: ledger_writer.add(connection, rows))
        known = [rng.random() < self.told.get(arm, 1.0) for arm in drawn]
        self._finish(names, instants, failed, np.array(known))

    def _arm(self, unit: str, share: float) -> str:
        taken = fraction(f"{self.spec.name}\x1f{self.digest}", unit) < share
        return "challenger" if taken else "champion"

    def _row(self, rng: np.random.Generator, name: str, arm: str, risk: float, at: datetime) -> Row:
        version = self.answers[arm]
        status = 200
        if rng.random() < version.errors:
            status = 500
        elif rng.random() < version.refusals:
            status = 422
        is_answer = status == 200
        return Row(
            at=at,
            id=UUID(bytes=rng.bytes(16)),
            spec=self.spec.name,
            version=self.versions[arm],
            arm=self.named.get(arm, arm),
            status=status,
            as_of=at,
            request={"actor": f"a{name}", "kind": "build", "scope": "here", "inputs": {}},
            source="api",
            source_id=name,
            prediction=float(np.clip(risk + rng.normal(0, version.noise), 0, 1))
            if is_answer
            else None,
            error=None if is_answer else "broken",
            latency_ms=float(version.latency_ms * rng.lognormal(0, 0.3)) if is_answer else None,
        )

    def _finish(
        self,
        names: list[str],
        instants: list[datetime],
        failed: "np.ndarray",
        known: "np.ndarray",
    ) -> None:
        n = len(names)
        submitted = np.array([to_us(at) for at in instants])
        done = submitted + to_us(instants[0] + TOLD_AFTER) - to_us(instants[0])
        columns = {
            "source": ["api"] * n,
            "source_id": names,
            "actor": [f"a{name}" for name in names],
            "kind": ["build"] * n,
            "scope": ["here"] * n,
            "inputs": [json.dumps({})] * n,
            "submitted": submitted,
            "started": submitted,
            "finished": done,
            "status": np.where(failed, "failed", "succeeded").tolist(),
            "outcome": ["{}"] * n,
            "submission_known_at": submitted,
            "known_at": done,
        }
        whole = pa.table({name: pa.array(columns[name]) for name in EXECUTION_COLUMNS})
        batch = facts.batch("executions", whole.filter(pa.array(known)))
        facts.ensure_partitions(self.store, batch)
        with self.store.connect() as connection:
            facts.add(connection, batch, instants[-1] + TOLD_AFTER)
