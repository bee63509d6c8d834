"""The data contract of a version, which the next training's data is checked against.

It is derived at training and stored as `contract.json` beside the model in the bundle's folder.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.alerts.actions import decisions
from runlore.features.matrix import Log
from runlore.kernel.errors import DataRefused, Tampered
from runlore.kernel.instants import from_us, to_us
from runlore.log import time_slices
from runlore.log.reader import read_log
from runlore.quality import queries
from runlore.quality.queries import DataCheck
from runlore.quality.rules import checks
from runlore.quality.rules.batch import gather
from runlore.quality.rules.contract import Contract, derive
from runlore.quality.rules.verdict import QualityVerdict
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

Ints = NDArray[np.int64]

FILE = "contract.json"
WITHOUT = "The champion was registered without a contract: nothing was checked."
UNKNOWN = "so its contract is unknown: nothing was checked."
NOTHING_NEW = "Nothing has come in since the champion was trained."


@dataclass(frozen=True)
class Acceptance:
    """A person accepts data that breaks the contract."""

    actor: str
    reason: str


@dataclass(frozen=True)
class BatchCheck:
    """The verdict on the data since the champion's training.

    version: the champion; None where there is none to compare with.
    """

    spec: str
    version: str | None
    verdict: QualityVerdict
    accepted: Acceptance | None = None

    @property
    def may_teach(self) -> bool:
        return self.verdict.passed or self.accepted is not None

    @property
    def has_news(self) -> bool:
        """Whether executions came in after the champion's training."""
        return self.version is not None and self.verdict.rows > 0

    def tags(self) -> dict[str, str]:
        """The tags of the MLflow run that learns from the data."""
        if self.version is None:
            return {}
        if self.verdict.passed:
            return {"runlore.data": self.verdict.note or "keeps the champion's contract"}
        who = f"accepted by {self.accepted.actor}: {self.accepted.reason}" if self.accepted else ""
        return {"runlore.data": who, "runlore.data_reasons": "; ".join(self.verdict.reasons)}


def of_log(log: Log, spec: ModelSpec) -> Contract | None:
    """Derive the contract from a spec's executions in a log; None where they are too few."""
    members = np.flatnonzero(time_slices.population(log, spec))
    return derive(gather(log, members), int(log.facts["seq"].max())) if members.size else None


def keep(folder: Path, contract: Contract | None) -> None:
    """Write a contract into a bundle's folder."""
    if contract is not None:
        text = json.dumps(contract.to_json(), allow_nan=False)
        (folder / FILE).write_text(text, encoding="utf-8")


def find(folder: Path) -> Contract | None:
    """The contract in a bundle's folder; None when the version was registered without one."""
    path = folder / FILE
    if not path.is_file():
        return None
    return Contract.from_json(json.loads(path.read_text(encoding="utf-8")))


def of_champion(registry: "Registry", spec: str) -> tuple[str, Contract | None] | None:
    """The champion's version with its contract; None when nothing serves the spec."""
    ref = registry.champion(spec)
    if ref is None:
        return None
    return ref.version, find(registry.download(ref))


def check_new(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    at: datetime,
    accepted: Acceptance | None = None,
) -> BatchCheck:
    """Check what has come in since the champion's training against its contract; store the result.

    Without a champion there is nothing to compare with, and the verdict passes. Data that may teach
    settles the decision that waited on data that could not.
    """
    checked = _checked(store, registry, spec, at, accepted)
    if checked.may_teach:
        who = accepted.actor if accepted else "data that keeps its contract"
        with store.begin() as connection:
            decisions.settle(connection, spec.name, at, who)
    return checked


def _checked(
    store: Store, registry: "Registry", spec: ModelSpec, at: datetime, accepted: Acceptance | None
) -> BatchCheck:
    try:
        known = of_champion(registry, spec.name)
    except Tampered as error:  # a successor must be trained all the same
        return BatchCheck(spec.name, error.version, QualityVerdict(0, note=f"{error}; {UNKNOWN}"))
    if known is None:
        return BatchCheck(spec.name, None, QualityVerdict(0))
    version, contract = known
    if contract is None:
        return BatchCheck(spec.name, version, QualityVerdict(0, note=WITHOUT))
    check_input = _since_training(read_log(store), spec, contract, at)
    if not len(check_input.batch):
        return BatchCheck(spec.name, version, QualityVerdict(0, note=NOTHING_NEW))
    checked = BatchCheck(spec.name, version, checks.judge(contract, check_input), accepted)
    with store.begin() as connection:
        queries.add(connection, _row(checked, version, check_input, at))
    return checked


def refuse_bad(checked: BatchCheck) -> None:
    """Raise DataRefused for data that breaks the contract and that nobody has accepted."""
    if not checked.may_teach:
        raise DataRefused(checked.spec, checked.verdict.reasons)


def _since_training(
    log: Log, spec: ModelSpec, contract: Contract, at: datetime
) -> checks.CheckInput:
    """Split executions into those with facts after the champion's training and the others."""
    seq = log.facts["seq"].to_numpy(dtype=np.int64)
    final = log.events.final
    newest = np.maximum(seq[log.events.first], np.where(final >= 0, seq[final], 0))
    members = time_slices.population(log, spec)
    is_new = newest > contract.until_seq
    batch = gather(log, np.flatnonzero(members & is_new))
    earlier = gather(log, np.flatnonzero(members & ~is_new))
    until = int(batch.submitted_us[-1]) if len(batch) else contract.last_us
    return checks.CheckInput(batch, earlier, contract.last_us, until, to_us(at))


def _row(
    checked: BatchCheck, version: str, check_input: checks.CheckInput, at: datetime
) -> DataCheck:
    verdict = checked.verdict
    needed = None if verdict.passed else checked.accepted
    return DataCheck(
        at=at,
        spec=checked.spec,
        version=version,
        purpose="training",
        batch_from=from_us(int(check_input.batch.submitted_us[0])),
        batch_to=from_us(int(check_input.batch.submitted_us[-1])),
        rows=verdict.rows,
        passed=verdict.passed,
        verdict=verdict.to_json(),
        accepted_by=needed.actor if needed else None,
        accepted_why=needed.reason if needed else None,
    )
