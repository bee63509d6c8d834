"""Has what the champion answers for moved away from what it was trained on?"""

import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.alerts.queries.anomalies import AnomalyChange, anomaly_now
from runlore.kernel.errors import NoChampion
from runlore.log import windows
from runlore.monitoring.actions import champion as champions
from runlore.monitoring.actions import history, record
from runlore.monitoring.actions.champion import Champion
from runlore.monitoring.actions.comparison import DrawnSamples, WindowComparison, examine
from runlore.monitoring.queries import results
from runlore.monitoring.queries.results import ComparedWindow
from runlore.monitoring.rules.trigger import TriggerDecision
from runlore.monitoring.rules.verdict import WindowVerdict
from runlore.retraining import queries
from runlore.retraining.actions.requests import LONGEST_REASON, Wish
from runlore.retraining.rules import limits_of
from runlore.specs.model_spec import DriftPolicy, ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

ARTIFACTS = "drift"
"""The folder of the champion's MLflow run that reports go to."""

OVER_TIME = "drift-over-time.png"
SHOWN_WINDOWS = 52
DPI = 130


@dataclass(frozen=True)
class MonitorOutcome:
    """What one window was found to be, and whether it is time to retrain.

    note: what a reader must know about the comparison. report: the HTML, plot: of the last
    windows; None without enough data. is_new: False when the window had been judged before.
    anomaly: what became of the spec's. decision: of all windows of the version, this one included.
    """

    window: ComparedWindow
    verdict: WindowVerdict
    decision: TriggerDecision
    note: str = ""
    report: Path | None = None
    plot: Path | None = None
    is_new: bool = False
    anomaly: AnomalyChange | None = None


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
    window that was judged before is told again and changes nothing. Raises NoChampion when nothing
    serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    length_s = window_s or spec.drift.window_s
    span, note = windows.newest(store, spec, at, length_s)
    asked = ComparedWindow(spec.name, ref.version, span.begin, span.end)
    known = told_again(store, asked, spec, at, note, reports)
    if known is not None:
        return known
    with tempfile.TemporaryDirectory(prefix="runlore-monitor-") as folder:
        champion = champions.load(registry, ref, Path(folder))
        finding = examine(store, champion, spec, span, at)
    note = " ".join(each for each in (note, finding.note) if each)
    if finding.drawn is None:
        waits = TriggerDecision("wait", (f"the newest window reads: {finding.verdict.answer}",))
        return MonitorOutcome(asked, finding.verdict, waits, note)
    report = write_report(reports, asked, champion, replace(finding, note=note), finding.drawn)
    found = record.record(store, asked, finding.verdict, report, at, _policy(asked, spec))
    plot = write_plot(store, spec.name, reports)
    for file in (report, plot):
        registry.attach(ref.run_id, file, ARTIFACTS)
    return MonitorOutcome(
        asked,
        finding.verdict,
        _decision(store, asked, spec, at),
        note,
        report,
        plot,
        found.is_new,
        found.anomaly,
    )


def told_again(
    store: Store, asked: ComparedWindow, spec: ModelSpec, at: datetime, note: str, reports: Path
) -> MonitorOutcome | None:
    """What was found for the same window before; None for a new one."""
    with store.begin() as connection:
        known = results.read(connection, asked)
        anomaly = anomaly_now(connection, asked.spec)
    if known is None:
        return None
    verdict, decision = record.verdict_of(known), _decision(store, asked, spec, at)
    report = None if known.report is None else Path(known.report)
    plot = _plot_of(reports, asked.spec)
    return MonitorOutcome(
        asked, verdict, decision, note, report, plot if plot.is_file() else None, False, anomaly
    )


def _decision(
    store: Store, asked: ComparedWindow, spec: ModelSpec, at: datetime
) -> TriggerDecision:
    with store.begin() as connection:
        begun = queries.begun(connection, asked.spec)
    limits = limits_of(spec.retraining)
    subject, policy = (asked.spec, asked.version), _policy(asked, spec)
    return history.decision(store, subject, policy, at, begun, limits)


def _policy(asked: ComparedWindow, spec: ModelSpec) -> DriftPolicy:
    """The spec's, for windows as long as this one."""
    return replace(spec.drift, window_s=(asked.window_to - asked.window_from).total_seconds())


def write_report(
    reports: Path,
    asked: ComparedWindow,
    champion: Champion,
    finding: WindowComparison,
    drawn: DrawnSamples,
) -> Path:
    """The HTML page of a window, in a folder of the spec."""
    from runlore.monitoring import report as drift_report

    ends = "-".join(f"{end:%Y%m%dT%H%M%S.%fZ}" for end in (asked.window_from, asked.window_to))
    path = reports / asked.spec / f"drift-v{asked.version}-{ends}.html"
    subject = drift_report.ReportSubject(
        asked.spec, asked.version, asked.window_from, asked.window_to, finding.note
    )
    words = {name: of for name, of in champion.words.items() if name in drawn.names}
    samples = drift_report.Samples(drawn.names, drawn.reference, drawn.current, words)
    drift_report.write(path, subject, finding.verdict, samples)
    return path


def write_plot(store: Store, spec: str, reports: Path) -> Path:
    """The last windows of a spec, drawn; the one before is replaced."""
    path = _plot_of(reports, spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = history.draw(history.history(store, spec, SHOWN_WINDOWS))
    figure.savefig(path, dpi=DPI)
    return path


def _plot_of(reports: Path, spec: str) -> Path:
    return reports / spec / OVER_TIME


def because_of_drift(outcome: MonitorOutcome) -> Wish | None:
    """What the windows of a version ask for; None while they are no alarm."""
    decision, window = outcome.decision, outcome.window
    if not decision.is_alarm:
        return None
    against = "" if decision.action == "retrain" else decision.reasons[0]
    evidence = {
        "version": window.version,
        "windows": [each.window_to.isoformat() for each in decision.windows],
        "reasons": list(decision.reasons),
    }
    cause = f"version {window.version} until {window.window_to.isoformat()}"
    reason = "; ".join(decision.reasons)[:LONGEST_REASON]
    return Wish("drift", getuser(), reason, evidence, cause, against)
