"""Check a recent window of executions against the champion's data contract."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from runlore.alerts.queries import anomalies
from runlore.alerts.queries.anomalies import AnomalyChange, anomaly_now
from runlore.features.matrix import Log
from runlore.kernel.errors import NoChampion, NoContract
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.reader import read_log
from runlore.log.time_slices import SliceRange
from runlore.quality import queries
from runlore.quality.actions import contract
from runlore.quality.queries import DataCheck
from runlore.quality.rules import checks
from runlore.quality.rules.batch import gather
from runlore.quality.rules.verdict import QualityVerdict
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Connection, Store

if TYPE_CHECKING:
    from runlore.registry import Registry

KIND = "data quality"
SEVERITY = "warning"
MOST_REASONS = 20


@dataclass(frozen=True)
class QualityOutcome:
    """The verdict on the executions submitted after `first`, until `last`.

    version: whose contract they were checked against. anomaly: how the spec's anomaly changed.
    """

    spec: str
    version: str
    first: datetime
    last: datetime
    verdict: QualityVerdict
    note: str = ""
    anomaly: AnomalyChange | None = None


def quality(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    at: datetime,
    window_s: float | None = None,
) -> QualityOutcome:
    """Check all rows of a window of executions against the champion's data contract.

    Stores the verdict and opens or resolves the spec's anomaly, unless a later window was checked
    before. Raises NoChampion when nothing serves the spec, NoContract when the champion has no
    contract.
    """
    known = contract.of_champion(registry, spec.name)
    if known is None:
        raise NoChampion(spec.name)
    version, agreed = known
    if agreed is None:
        raise NoContract(spec.name, version)
    span, span_note = time_slices.newest(store, spec, at, window_s or spec.drift.window_s)
    log = read_log(store)
    verdict = checks.judge(agreed, _check_input(log, spec, span, at))
    check = DataCheck(
        at,
        spec.name,
        version,
        "window",
        span.begin,
        span.end,
        verdict.rows,
        verdict.passed,
        verdict.to_json(),
    )
    with store.begin() as connection:
        newest = queries.newest(connection, spec.name, "window")
        queries.add(connection, check)
        if newest is not None and newest > at:
            change = anomaly_now(connection, spec.name, KIND)
        else:
            change = _follow(connection, check, verdict)
    note = " ".join(text for text in (span_note, verdict.note) if text)
    return QualityOutcome(spec.name, version, span.begin, span.end, verdict, note, change)


def _check_input(log: Log, spec: ModelSpec, span: SliceRange, at: datetime) -> checks.CheckInput:
    """The executions submitted in the span, as known at an instant, and all earlier ones."""
    at_us, first_us, last_us = to_us(at), to_us(span.begin), to_us(span.end)
    submitted = log.executions["submitted"].to_numpy(dtype=np.int64)
    members = time_slices.population(log, spec) & (log.as_of_us <= at_us)
    inside = np.flatnonzero(members & (submitted > first_us) & (submitted <= last_us))
    inside = inside[np.argsort(submitted[inside], kind="stable")]
    before = np.flatnonzero(members & (submitted <= first_us))
    batch, earlier = gather(log, inside, at_us), gather(log, before, at_us)
    return checks.CheckInput(batch, earlier, first_us, last_us, at_us, must_be_fresh=True)


def _follow(
    connection: Connection, check: DataCheck, verdict: QualityVerdict
) -> AnomalyChange | None:
    if verdict.passed:
        resolved = anomalies.resolve_anomaly(connection, KIND, check.spec, check.at)
        return None if resolved is None else "resolved"
    evidence = {
        "version": check.version,
        "window_from": check.batch_from.isoformat(),
        "window_to": check.batch_to.isoformat(),
        "rows": check.rows,
        "reasons": list(verdict.reasons[:MOST_REASONS]),
    }
    opened = anomalies.open_anomaly(connection, KIND, check.spec, SEVERITY, evidence, check.at)
    return "open" if opened is None else "opened"
