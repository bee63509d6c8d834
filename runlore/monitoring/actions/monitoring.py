"""Compare what the champion answers for with what it was trained on.

A window is judged by all that is known now, and so are those that the alarm rests on.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.alerts.queries.anomalies import AnomalyChange
from runlore.kernel.errors import NoChampion, NotFound
from runlore.log import time_slices
from runlore.monitoring.actions import drift_history
from runlore.monitoring.actions.drift_history import RecordedWindows, WindowRecord
from runlore.monitoring.actions.examining import WindowExaminer
from runlore.monitoring.actions.judging import Judging
from runlore.monitoring.actions.stored_verdict import verdict_of
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.rules.trigger import TriggerDecision
from runlore.monitoring.rules.verdict import WindowVerdict
from runlore.retraining import queries
from runlore.retraining.actions.requests import LONGEST_REASON, RetrainingCause
from runlore.specs.model_spec import DriftPolicy, ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

ARTIFACTS = "drift"  # the folder for reports in the champion's MLflow run

OVER_TIME = "drift-over-time.png"
SHOWN_WINDOWS = 52
DPI = 130


@dataclass(frozen=True)
class MonitorOutcome:
    """The verdict on one window, and whether it is time to retrain.

    note: what a reader must know about the comparison. report: the HTML, plot: of the last
    windows; None without enough data. is_new: False when the verdict stood before. anomaly: what
    became of the spec's. decision: of all windows of the version, this one included. replaced:
    verdicts of before, of windows that were judged anew because facts came in since.
    """

    window: ComparedWindow
    verdict: WindowVerdict
    decision: TriggerDecision
    note: str = ""
    report: Path | None = None
    plot: Path | None = None
    is_new: bool = False
    anomaly: AnomalyChange | None = None
    replaced: tuple[WindowRecord, ...] = ()


def monitor(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    at: datetime,
    reports: Path,
    window_s: float | None = None,
) -> MonitorOutcome:
    """Compare the executions of the last window that ended by `at` with the champion's training.

    Writes every column's statistics to the store, opens or resolves the spec's anomaly and leaves
    an HTML report and a plot of the last windows in `reports` and in the champion's MLflow run. A
    window whose verdict holds with all facts of now is reported again and changes nothing. Facts
    that came in since, and concern windows that the alarm rests on, make these judged anew. Raises
    NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    span, note = time_slices.newest(store, spec, at, window_s or spec.drift.window_s)
    window = ComparedWindow(spec.name, ref.version, span.begin, span.end)
    policy = _policy(window, spec)
    examiner = WindowExaminer(store, registry, ref, spec, at, reports)
    judgements = Judging(store, policy, window, examiner.examine).judge()
    subject = (spec.name, ref.version)
    recorded = drift_history.record(store, list(judgements.values()), subject, policy, at)
    if recorded.added:
        examiner.files.append(write_plot(store, spec.name, reports))
    for file in examiner.files:
        registry.attach(ref.run_id, file, ARTIFACTS)
    note = " ".join(part for part in (note, examiner.notes.get(window, "")) if part)
    judgement = judgements.get(window)
    fresh = None if judgement is None else judgement.verdict
    if fresh is not None and fresh.answer == "not enough data":
        waits = TriggerDecision("wait", (f"the newest window reads: {fresh.answer}",))
        return MonitorOutcome(window, fresh, waits, note, anomaly=recorded.anomaly)
    known, decision = _standing(store, window), _decision(store, window, spec, at)
    return replace(
        _outcome(known, fresh, decision, recorded), note=note, plot=_plot_there_is(reports, spec)
    )


def _outcome(
    known: DriftComparison,
    fresh: WindowVerdict | None,
    decision: TriggerDecision,
    recorded: RecordedWindows,
) -> MonitorOutcome:
    """fresh: the verdict as it was reached now; None: the one that is known stood before."""
    return MonitorOutcome(
        known.window,
        fresh or verdict_of(known),
        decision,
        report=None if known.report is None else Path(known.report),
        is_new=known.window in recorded.added,
        anomaly=recorded.anomaly,
        replaced=tuple(drift_history.record_of(before) for before in recorded.replaced),
    )


def _standing(store: Store, window: ComparedWindow) -> DriftComparison:
    """What stands of the window now."""
    with store.begin() as connection:
        known = drift_results.read(connection, window)
    if known is None:
        raise NotFound(f"{window.spec}: the window until {window.window_to} vanished; look again")
    return known


def _decision(
    store: Store, window: ComparedWindow, spec: ModelSpec, at: datetime
) -> TriggerDecision:
    """About all windows of the version that stand, also those that end after `at`."""
    with store.begin() as connection:
        begun = queries.begun(connection, window.spec)
        end = drift_results.newest_end(connection, window.spec)
    subject, policy = (window.spec, window.version), _policy(window, spec)
    known_at = max(at, end or at)
    return drift_history.decision(store, subject, policy, known_at, begun, spec.retraining)


def _policy(window: ComparedWindow, spec: ModelSpec) -> DriftPolicy:
    """The spec's, for windows as long as this one."""
    return replace(spec.drift, window_s=(window.window_to - window.window_from).total_seconds())


def write_plot(store: Store, spec: str, reports: Path) -> Path:
    """Plot the last windows of a spec, in place of the plot before."""
    path = _plot_of(reports, spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = drift_history.draw(drift_history.history(store, spec, SHOWN_WINDOWS))
    figure.savefig(path, dpi=DPI)
    return path


def _plot_there_is(reports: Path, spec: ModelSpec) -> Path | None:
    plot = _plot_of(reports, spec.name)
    return plot if plot.is_file() else None


def _plot_of(reports: Path, spec: str) -> Path:
    return reports / spec / OVER_TIME


def because_of_drift(outcome: MonitorOutcome) -> RetrainingCause | None:
    """Build the cause of a retraining from a version's windows; None without an alarm."""
    decision, window = outcome.decision, outcome.window
    if not decision.is_alarm:
        return None
    against = "" if decision.action == "retrain" else decision.reasons[0]
    evidence = {
        "version": window.version,
        "windows": [judged_window.window_to.isoformat() for judged_window in decision.windows],
        "reasons": list(decision.reasons),
    }
    newest = decision.windows[-1]
    cause = f"version {newest.version} until {newest.window_to.isoformat()}"
    reason = "; ".join(decision.reasons)[:LONGEST_REASON]
    return RetrainingCause("drift", getuser(), reason, evidence, cause, against)
