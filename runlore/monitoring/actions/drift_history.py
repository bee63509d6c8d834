"""The judged windows of a spec: stored with their anomalies, read back, and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from runlore.alerts.queries import anomalies
from runlore.alerts.queries.anomalies import AnomalyChange, anomaly_now
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison, DriftResult
from runlore.monitoring.rules.measures import LABEL, PREDICTION, DriftMeasure, Statistic
from runlore.monitoring.rules.trigger import JudgedWindow, TriggerDecision, decide
from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict, conclude
from runlore.specs.model_spec import DriftPolicy, RetrainingPolicy
from runlore.store.engine import Connection, Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PINNED = (PREDICTION, LABEL)

ALL_COLUMNS = "*"
DRIFTED_SHARE = "drifted_share"
Q_VALUE = "q_value"
WEIGHT = "weight"
KIND = "drift"
SEVERITY = "warning"
MOST_REASONS = 20
MOST_WINDOWS = 10_000  # per spec; a window a day fills 27 years


@dataclass(frozen=True)
class WindowRecord:
    """A window with its verdict, the instant of the verdict, and its report."""

    window: ComparedWindow
    verdict: WindowVerdict
    at: datetime
    report: str | None


def history(store: Store, spec: str, most: int) -> list[WindowRecord]:
    """Read the last windows of a spec, of any version, newest first."""
    with store.begin() as connection:
        windows = drift_results.judged(connection, spec, most)
    return [
        WindowRecord(
            judged_window.window, verdict_of(judged_window), judged_window.at, judged_window.report
        )
        for judged_window in windows
    ]


def decision(
    store: Store,
    subject: tuple[str, str],
    policy: DriftPolicy,
    at: datetime,
    retrainings: Sequence[datetime] = (),
    limits: RetrainingPolicy | None = None,
) -> TriggerDecision:
    """Decide whether a version's windows of the policy's length call for a retraining.

    subject: a spec and its version.
    """
    with store.begin() as connection:
        known = judged(connection, *subject, policy.window_s)
    return decide(known, policy, at, retrainings, limits)


def draw(records: Sequence[WindowRecord]) -> "Figure":
    """The windows of a history; predictions and labels above, then the most drifted features."""
    from runlore.monitoring import plots

    ordered = sorted(records, key=lambda record: record.window.window_to)
    seen = [{column.name: column for column in record.verdict.columns} for record in ordered]
    names = dict.fromkeys(name for columns in seen for name in columns)
    columns = [
        plots.ColumnOverTime(
            name,
            np.array([_excess(of_window.get(name)) for of_window in seen]),
            np.array([_is_drifted(of_window.get(name)) for of_window in seen], dtype=bool),
        )
        for name in names
    ]
    ends = [record.window.window_to.replace(tzinfo=None) for record in ordered]
    return plots.drift_over_time(
        np.array(ends, "datetime64[us]"),
        np.array([record.verdict.drifted_share for record in ordered]),
        ordered[-1].verdict.threshold if ordered else 0.0,
        sorted(columns, key=lambda course: (course.name not in PINNED, -_worst(course.excess))),
        np.array([record.verdict.answer == "drift" for record in ordered], dtype=bool),
    )


def _worst(excess: NDArray[np.float64]) -> float:
    return float(np.nanmax(excess, initial=0.0))


def _is_drifted(column: ColumnVerdict | None) -> bool:
    return column is not None and column.is_drifted


def _excess(column: ColumnVerdict | None) -> float:
    if column is None or not column.psi.threshold:
        return np.nan
    return column.psi.value / column.psi.threshold


@dataclass(frozen=True)
class RecordedWindow:
    """is_new: the window had not been judged before. anomaly: what became of the spec's."""

    is_new: bool
    anomaly: AnomalyChange | None


def record(
    store: Store,
    window: ComparedWindow,
    verdict: WindowVerdict,
    report: Path,
    at: datetime,
    policy: DriftPolicy,
) -> RecordedWindow:
    """Store a verdict, and open or resolve the anomaly, in one transaction.

    policy: with the window's length; of its windows as many as make an alarm open an anomaly.
    """
    comparison = DriftComparison(
        window,
        at,
        verdict.rows_reference,
        verdict.rows_current,
        str(report),
        _results(verdict),
    )
    with store.begin() as connection:
        drift_results.lock(connection, window.spec)
        if not drift_results.insert(connection, comparison):
            return RecordedWindow(False, anomaly_now(connection, window.spec))
        newest = drift_results.newest_end(connection, window.spec)
        if newest is not None and newest > window.window_to:
            return RecordedWindow(True, anomaly_now(connection, window.spec))
        known = judged(connection, window.spec, window.version, policy.window_s)
        return RecordedWindow(
            True, _follow(connection, comparison, verdict, decide(known, policy, at))
        )


def judged(connection: Connection, spec: str, version: str, length_s: float) -> list[JudgedWindow]:
    """Read all windows of one version and length, newest first, with the newest one's reasons."""
    results = drift_results.history(connection, spec, ALL_COLUMNS, DRIFTED_SHARE, MOST_WINDOWS)
    known = [
        (window, result)
        for window, result in results
        if window.version == version
        and (window.window_to - window.window_from).total_seconds() == length_s
    ]
    newest = drift_results.read(connection, known[0][0]) if known else None
    reasons = verdict_of(newest).reasons if newest else ()
    return [
        JudgedWindow(
            version,
            window.window_from,
            window.window_to,
            "drift" if result.is_drifted else "no drift",
            reasons if at == 0 else (),
        )
        for at, (window, result) in enumerate(known)
    ]


def _follow(
    connection: Connection,
    comparison: DriftComparison,
    verdict: WindowVerdict,
    decision: TriggerDecision,
) -> AnomalyChange | None:
    """An alarm opens the anomaly, and the next window without drift resolves it.

    Whether cooldown and budget let anybody act on the alarm does not matter. A drifted window that
    makes no alarm is no anomaly, and leaves open what is.
    """
    spec = comparison.window.spec
    if verdict.answer == "no drift":
        resolved = anomalies.resolve_anomaly(connection, KIND, spec, comparison.at)
        return None if resolved is None else "resolved"
    if not decision.is_alarm and anomaly_now(connection, spec) is None:
        return None
    evidence = _evidence(comparison, verdict, decision)
    opened = anomalies.open_anomaly(connection, KIND, spec, SEVERITY, evidence, comparison.at)
    return "open" if opened is None else "opened"


def _evidence(
    comparison: DriftComparison, verdict: WindowVerdict, decision: TriggerDecision
) -> dict[str, Any]:
    window = comparison.window
    since = min(
        [window.window_from, *(judged_window.window_from for judged_window in decision.windows)]
    )
    return {
        "version": window.version,
        "window_from": window.window_from.isoformat(),
        "window_to": window.window_to.isoformat(),
        "rows_reference": verdict.rows_reference,
        "rows_current": verdict.rows_current,
        "since": since.isoformat(),
        "drifted_share": verdict.drifted_share,
        "threshold": verdict.threshold,
        "alarm": decision.reasons[0],
        "reasons": list(verdict.reasons[:MOST_REASONS]),
        "report": comparison.report,
    }


def _results(verdict: WindowVerdict) -> tuple[DriftResult, ...]:
    share = DriftResult(
        ALL_COLUMNS,
        DRIFTED_SHARE,
        verdict.drifted_share,
        verdict.threshold,
        verdict.answer == "drift",
    )
    return (share, *(result for column in verdict.columns for result in _of_column(column)))


def _of_column(column: ColumnVerdict) -> tuple[DriftResult, ...]:
    """Its statistics, how far it may be believed, and what it counts; 1 is the average."""
    return (
        *(
            DriftResult(
                column.name, measure.statistic, measure.value, measure.threshold, measure.is_drifted
            )
            for measure in column.measures
        ),
        DriftResult(column.name, Q_VALUE, column.q_value, column.level, column.is_drifted),
        DriftResult(column.name, WEIGHT, column.weight, 1.0, False),
    )


def verdict_of(comparison: DriftComparison) -> WindowVerdict:
    """Build the verdict from stored results; the report alone says which values moved."""
    by_column: dict[str, list[DriftResult]] = {}
    for result in comparison.results:
        by_column.setdefault(result.column_name, []).append(result)
    least_share = by_column.pop(ALL_COLUMNS)[0].threshold
    columns = [_column_of(name, results) for name, results in by_column.items()]
    return conclude(columns, comparison.rows_reference, comparison.rows_current, least_share)


def _column_of(name: str, results: Sequence[DriftResult]) -> ColumnVerdict:
    """Windows that were judged by an earlier version have no q-value: their PSI decided."""
    by_statistic = {result.statistic: result for result in results}
    measures = tuple(
        DriftMeasure(result.statistic, result.value, result.threshold)  # type: ignore[arg-type]
        for result in results
        if result.statistic in get_args(Statistic)
    )
    column = ColumnVerdict(name, measures)
    if Q_VALUE not in by_statistic:
        return column
    believed, weight = by_statistic[Q_VALUE], by_statistic[WEIGHT]
    return replace(column, q_value=believed.value, level=believed.threshold, weight=weight.value)
