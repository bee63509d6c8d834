"""The judged windows of a spec: stored with their anomalies, read back, and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.alerts.queries.anomalies import AnomalyChange
from runlore.monitoring.actions import drift_alarm
from runlore.monitoring.actions.stored_verdict import results_of, verdict_of
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.monitoring.rules.trigger import TriggerDecision, decide
from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict
from runlore.specs.model_spec import DriftPolicy, RetrainingPolicy
from runlore.store.engine import Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PINNED = (PREDICTION, LABEL)


@dataclass(frozen=True)
class WindowRecord:
    """A window, what was said of it, when, and where its report is.

    before: what was said of it by fewer facts, the oldest first.
    """

    window: ComparedWindow
    verdict: WindowVerdict
    at: datetime
    report: str | None
    before: tuple["WindowRecord", ...] = ()


def history(store: Store, spec: str, most: int) -> list[WindowRecord]:
    """Read the last windows of a spec, of any version, newest first."""
    with store.begin() as connection:
        windows = drift_results.judged(connection, spec, most)
        since = min((judged.window.window_to for judged in windows), default=None)
        past = [] if since is None else drift_results.replaced(connection, spec, since)
    return [
        replace(
            record_of(judged),
            before=tuple(record_of(old) for old in past if old.window == judged.window),
        )
        for judged in windows
    ]


def record_of(judged: DriftComparison) -> WindowRecord:
    """What was found for a window, with its verdict."""
    return WindowRecord(judged.window, verdict_of(judged), judged.at, judged.report)


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
    spec, version = subject
    with store.begin() as connection:
        known = [
            window
            for window in drift_alarm.judged(connection, spec)
            if window.version == version and window.length_s == policy.window_s
        ]
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
class Judgement:
    """A verdict on a window by the facts that were known. report: the page's path, if there is one.

    Without enough data nothing is recorded, and what stood before is replaced by nothing.
    """

    window: ComparedWindow
    verdict: WindowVerdict
    seen: Watermark
    report: str | None = None

    def comparison(self, at: datetime) -> DriftComparison:
        verdict = self.verdict
        return DriftComparison(
            self.window,
            at,
            verdict.rows_reference,
            verdict.rows_current,
            self.report,
            results_of(verdict),
            self.seen,
        )

    def says_the_same(self, before: DriftComparison) -> bool:
        """Whether an earlier verdict found the same, to the last figure."""
        mine = self.comparison(before.at)
        as_before = replace(mine, report=before.report, seen=before.seen)
        if before.results[0].reasons is None:  # recorded by an earlier version of Runlore
            bare = tuple(replace(result, reasons=None) for result in mine.results)
            as_before = replace(as_before, results=bare)
        return as_before == before


@dataclass(frozen=True)
class RecordedWindows:
    """added: windows whose verdict is new. replaced: the verdicts that stood before, of windows
    that were judged anew. anomaly: what became of the spec's."""

    added: frozenset[ComparedWindow]
    replaced: tuple[DriftComparison, ...]
    anomaly: AnomalyChange | None


def record(
    store: Store,
    judgements: Sequence[Judgement],
    subject: tuple[str, str],
    policy: DriftPolicy,
    at: datetime,
) -> RecordedWindows:
    """Write verdicts down, and let the anomaly follow all that stand then, in one transaction.

    subject: a spec and the version that serves.
    """
    spec, champion = subject
    added: set[ComparedWindow] = set()
    past: list[DriftComparison] = []
    with store.begin() as connection:
        drift_results.lock(connection, spec)
        for judgement in judgements:
            before = drift_results.read(connection, judgement.window)
            if before is not None and not _is_newer(judgement, before):
                continue
            if before is not None and judgement.says_the_same(before):
                drift_results.advance(connection, [judgement.window], judgement.seen)
                continue
            if before is not None:
                drift_results.replace(connection, judgement.window, at)
                past.append(before)
            if judgement.verdict.answer != "not enough data":
                drift_results.insert(connection, judgement.comparison(at))
                added.add(judgement.window)
        change = drift_alarm.follow(connection, spec, champion, policy, at)
    return RecordedWindows(frozenset(added), tuple(past), change)


def _is_newer(judgement: Judgement, before: DriftComparison) -> bool:
    """Whether it knows at least what was known before: of two at once the better informed stays."""
    return before.seen is None or judgement.seen.until_seq >= before.seen.until_seq
