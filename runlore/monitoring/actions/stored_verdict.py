"""A window's verdict as rows of statistics, and what was concluded from such rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from runlore.monitoring.queries.drift_results import ALL_COLUMNS, DriftComparison, DriftResult
from runlore.monitoring.rules.measures import DriftMeasure, Statistic
from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict, conclude

DRIFTED_SHARE = "drifted_share"
Q_VALUE = "q_value"
WEIGHT = "weight"


def results_of(verdict: WindowVerdict) -> tuple[DriftResult, ...]:
    """A verdict as rows: the share of all columns with the reasons, then every column."""
    share = DriftResult(
        ALL_COLUMNS,
        DRIFTED_SHARE,
        verdict.drifted_share,
        verdict.threshold,
        verdict.answer == "drift",
        verdict.reasons,
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
    """Build the verdict from stored results; only its reasons say which values moved."""
    by_column: dict[str, list[DriftResult]] = {}
    for result in comparison.results:
        by_column.setdefault(result.column_name, []).append(result)
    share = by_column.pop(ALL_COLUMNS)[0]
    columns = [_column_of(name, results) for name, results in by_column.items()]
    concluded = conclude(
        columns, comparison.rows_reference, comparison.rows_current, share.threshold
    )
    return replace(concluded, reasons=share.reasons or concluded.reasons)


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
