"""A verdict as rows and anomalies in the store, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from runlore.drift.measures import Measure, Statistic
from runlore.drift.verdict import ColumnVerdict, WindowVerdict, conclude
from runlore.store import anomalies, drift_results
from runlore.store.drift_results import Comparison, DriftResult, Window
from runlore.store.engine import Connection, Store

ALL_COLUMNS = "*"
DRIFTED_SHARE = "drifted_share"
Q_VALUE = "q_value"
WEIGHT = "weight"
KIND = "drift"
SEVERITY = "warning"
MOST_REASONS = 20

AnomalyChange = Literal["opened", "open", "resolved"]


@dataclass(frozen=True)
class Recorded:
    """is_new: the window had not been judged before. anomaly: what became of the spec's."""

    is_new: bool
    anomaly: AnomalyChange | None


def record(
    store: Store, window: Window, verdict: WindowVerdict, report: Path, at: datetime
) -> Recorded:
    """Add what was found, and open or resolve the anomaly, in one transaction."""
    comparison = Comparison(
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
            return Recorded(False, anomaly_now(connection, window.spec))
        newest = drift_results.newest_end(connection, window.spec)
        if newest is not None and newest > window.window_to:
            return Recorded(True, anomaly_now(connection, window.spec))
        return Recorded(True, _follow(connection, comparison, verdict))


def anomaly_now(connection: Connection, spec: str) -> AnomalyChange | None:
    found = any(each.subject == spec for each in anomalies.read_open(connection, KIND))
    return "open" if found else None


def _follow(
    connection: Connection, comparison: Comparison, verdict: WindowVerdict
) -> AnomalyChange | None:
    """The newest window says whether the spec deviates."""
    spec = comparison.window.spec
    if verdict.answer == "no drift":
        resolved = anomalies.resolve_anomaly(connection, KIND, spec, comparison.at)
        return None if resolved is None else "resolved"
    evidence = _evidence(comparison, verdict)
    opened = anomalies.open_anomaly(connection, KIND, spec, SEVERITY, evidence, comparison.at)
    return "open" if opened is None else "opened"


def _evidence(comparison: Comparison, verdict: WindowVerdict) -> dict[str, Any]:
    window = comparison.window
    return {
        "version": window.version,
        "window_from": window.window_from.isoformat(),
        "window_to": window.window_to.isoformat(),
        "rows_reference": verdict.rows_reference,
        "rows_current": verdict.rows_current,
        "drifted_share": verdict.drifted_share,
        "threshold": verdict.threshold,
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
            DriftResult(column.name, each.statistic, each.value, each.threshold, each.is_drifted)
            for each in column.measures
        ),
        DriftResult(column.name, Q_VALUE, column.q_value, column.level, column.is_drifted),
        DriftResult(column.name, WEIGHT, column.weight, 1.0, False),
    )


def verdict_of(comparison: Comparison) -> WindowVerdict:
    """What was concluded from stored results; what moved is in the report only."""
    by_column: dict[str, list[DriftResult]] = {}
    for result in comparison.results:
        by_column.setdefault(result.column_name, []).append(result)
    least_share = by_column.pop(ALL_COLUMNS)[0].threshold
    columns = [_column_of(name, results) for name, results in by_column.items()]
    return conclude(columns, comparison.rows_reference, comparison.rows_current, least_share)


def _column_of(name: str, results: Sequence[DriftResult]) -> ColumnVerdict:
    """Windows that were judged by an earlier version have no q-value: their PSI decided."""
    told = {each.statistic: each for each in results}
    measures = tuple(
        Measure(each.statistic, each.value, each.threshold)  # type: ignore[arg-type]
        for each in results
        if each.statistic in get_args(Statistic)
    )
    column = ColumnVerdict(name, measures)
    if Q_VALUE not in told:
        return column
    believed, weight = told[Q_VALUE], told[WEIGHT]
    return replace(column, q_value=believed.value, level=believed.threshold, weight=weight.value)
