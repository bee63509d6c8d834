"""Compare what the champion answers for with what it was trained on.

A window's features, predictions and labels are compared with those of the training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.alerts.queries.anomalies import AnomalyChange, anomaly_now
from runlore.kernel.errors import NoChampion
from runlore.log import time_slices
from runlore.log.time_slices import SliceRange
from runlore.monitoring.actions import drift_history, reference
from runlore.monitoring.actions.counting import (
    NO_SLICE,
    CountRequest,
    SliceCounting,
    VersionLog,
    counter_of,
)
from runlore.monitoring.actions.reference import Champion, Reference
from runlore.monitoring.queries import drift_results, drift_slices
from runlore.monitoring.queries.drift_results import ComparedWindow
from runlore.monitoring.rules.sample import Sample
from runlore.monitoring.rules.trigger import TriggerDecision
from runlore.monitoring.rules.usual import UsualDistances, usual
from runlore.monitoring.rules.verdict import VerdictContext, WindowVerdict, judge
from runlore.retraining import queries
from runlore.retraining.actions.requests import LONGEST_REASON, RetrainingCause
from runlore.specs.model_spec import DriftPolicy, ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry


RECALLED = (
    "The version was registered without a reference: its training rows were read from the log "
    "again, and predictions are not compared."
)
UNUSUAL = (
    "What is usual between windows of this length is not known: the training holds too few of them."
)
MOST_WINDOWS = 30
PARTIAL = "Not compared, because the window holds no whole weeks or days: {}."

ARTIFACTS = "drift"  # the folder for reports in the champion's MLflow run

OVER_TIME = "drift-over-time.png"
SHOWN_WINDOWS = 52
DPI = 130


@dataclass(frozen=True, eq=False)
class DrawnSamples:
    """Samples to draw, in columns of these names."""

    names: tuple[str, ...]
    reference: Sample
    current: Sample


@dataclass(frozen=True, eq=False)
class WindowComparison:
    """note: what a reader must know about the comparison. drawn: None without enough data."""

    verdict: WindowVerdict
    note: str
    drawn: DrawnSamples | None = None


@dataclass(frozen=True, eq=False)
class Examiner:
    """Judges windows of one length for one version, from their counts.

    What is usual is worked out once, from windows of the training, at most the newest
    MOST_WINDOWS; and so is the log read once, where anything is missing.
    """

    store: Store
    champion: Champion
    spec: ModelSpec
    window_s: float

    _held: list[VersionLog] = field(default_factory=list, init=False, repr=False)

    def _read(self) -> VersionLog:
        """Read the log, once while no facts come in."""
        if self._held:
            with self.store.begin() as connection:
                if drift_slices.is_whole(connection, self._held[0].watermark):
                    return self._held[0]
        grid = time_slices.grid_of(self.window_s)
        self._held[:] = [VersionLog.read(self.store, self.champion, self.spec, grid)]
        return self._held[0]

    @cached_property
    def _reference(self) -> Reference:
        return self.champion.reference or _recalled(self._read())

    @cached_property
    def _names(self) -> tuple[str, ...]:
        left_out = time_slices.incomparable(self.champion.plan, self.window_s)
        return tuple(name for name in self._reference.names if name not in left_out)

    @cached_property
    def _policy(self) -> DriftPolicy:
        return replace(self.spec.drift, window_s=self.window_s)

    @cached_property
    def _training(self) -> tuple[SliceRange, ...]:
        return tuple(time_slices.within(self.window_s, *self.champion.trained_us, MOST_WINDOWS))

    @cached_property
    def _counting(self) -> SliceCounting:
        bins = self._reference.profile.bins
        counter = counter_of(self.champion, bins, self.spec, time_slices.grid_of(self.window_s))
        return SliceCounting(self.store, counter, bins, self._read)

    def examine(self, window: SliceRange, at: datetime) -> WindowComparison:
        """Judge a window by all of its rows."""
        request = CountRequest((*self._training, window), window, self._policy.report_rows)
        self._counting.bring_up_to_date(request, at)
        seen = self._usual
        (counted,) = self._counting.profiles([window])
        background = VerdictContext(self.champion.words, self.champion.importance, seen)
        reference = self._reference.profile.only(self._names)
        verdict = judge(reference, counted.only(self._names), self._policy, background)
        if verdict.answer == "not enough data":
            return WindowComparison(verdict, "")
        left_out = time_slices.incomparable(self.champion.plan, self.window_s)
        return WindowComparison(verdict, _note(self.champion, left_out, seen), self._drawn(window))

    @cached_property
    def _usual(self) -> UsualDistances:
        """Once the windows of the training have been counted."""
        windows = self._counting.profiles(self._training) if self._training else []
        return usual([profile.only(self._names) for profile in windows], self._policy)

    def _drawn(self, window: SliceRange) -> DrawnSamples:
        """Both samples in the columns that are compared and can be drawn."""
        most, held = self._policy.report_rows, self._counting.drawn
        shown = tuple(name for name in self._names if name in held)
        sample = self._counting.sample(window, most)
        columns = [held.index(name) for name in shown]
        current = replace(sample, values=sample.values[:, columns])
        return DrawnSamples(shown, self._reference.drawn(shown, most), current)


def examine(
    store: Store, champion: Champion, spec: ModelSpec, window: SliceRange, at: datetime
) -> WindowComparison:
    """Compare a window with the champion's training data and judge the differences."""
    return Examiner(store, champion, spec, window.length_s).examine(window, at)


def _note(champion: Champion, left_out: Sequence[str], seen: UsualDistances) -> str:
    notes = (
        "" if champion.reference else RECALLED,
        PARTIAL.format(", ".join(left_out)) if left_out else "",
        "" if seen.is_known else UNUSUAL,
    )
    return " ".join(part for part in notes if part)


def _recalled(material: VersionLog) -> Reference:
    """The features of the training rows, as of their submission, out of the log again."""
    champion, as_of_us = material.champion, material.log.as_of_us
    first, last = champion.trained_us
    taught = (material.slice != NO_SLICE) & (as_of_us >= first) & (as_of_us <= last)
    return reference.make(material.rows[taught], champion.plan.names, tuple(champion.words))


@dataclass(frozen=True)
class MonitorOutcome:
    """The verdict on one window, and whether it is time to retrain.

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
    window that was judged before is reported again and changes nothing. Raises NoChampion when
    nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    length_s = window_s or spec.drift.window_s
    span, note = time_slices.newest(store, spec, at, length_s)
    window = ComparedWindow(spec.name, ref.version, span.begin, span.end)
    known = stored_outcome(store, window, spec, at, note, reports)
    if known is not None:
        return known
    champion = reference.load(registry, ref)
    finding = examine(store, champion, spec, span, at)
    note = " ".join(part for part in (note, finding.note) if part)
    if finding.drawn is None:
        waits = TriggerDecision("wait", (f"the newest window reads: {finding.verdict.answer}",))
        return MonitorOutcome(window, finding.verdict, waits, note)
    report = write_report(reports, window, champion, replace(finding, note=note), finding.drawn)
    recorded = drift_history.record(
        store, window, finding.verdict, report, at, _policy(window, spec)
    )
    plot = write_plot(store, spec.name, reports)
    for file in (report, plot):
        registry.attach(ref.run_id, file, ARTIFACTS)
    return MonitorOutcome(
        window,
        finding.verdict,
        _decision(store, window, spec, at),
        note,
        report,
        plot,
        recorded.is_new,
        recorded.anomaly,
    )


def stored_outcome(
    store: Store, window: ComparedWindow, spec: ModelSpec, at: datetime, note: str, reports: Path
) -> MonitorOutcome | None:
    """Return the stored outcome of the same window; None for a new one."""
    with store.begin() as connection:
        known = drift_results.read(connection, window)
        anomaly = anomaly_now(connection, window.spec)
    if known is None:
        return None
    verdict, decision = drift_history.verdict_of(known), _decision(store, window, spec, at)
    report = None if known.report is None else Path(known.report)
    plot = _plot_of(reports, window.spec)
    return MonitorOutcome(
        window, verdict, decision, note, report, plot if plot.is_file() else None, False, anomaly
    )


def _decision(
    store: Store, window: ComparedWindow, spec: ModelSpec, at: datetime
) -> TriggerDecision:
    with store.begin() as connection:
        begun = queries.begun(connection, window.spec)
    subject, policy = (window.spec, window.version), _policy(window, spec)
    return drift_history.decision(store, subject, policy, at, begun, spec.retraining)


def _policy(window: ComparedWindow, spec: ModelSpec) -> DriftPolicy:
    """The spec's, for windows as long as this one."""
    return replace(spec.drift, window_s=(window.window_to - window.window_from).total_seconds())


def write_report(
    reports: Path,
    window: ComparedWindow,
    champion: Champion,
    finding: WindowComparison,
    drawn: DrawnSamples,
) -> Path:
    """Write the HTML report of a window into the spec's folder."""
    from runlore.monitoring import drift_report

    ends = "-".join(f"{end:%Y%m%dT%H%M%S.%fZ}" for end in (window.window_from, window.window_to))
    path = reports / window.spec / f"drift-v{window.version}-{ends}.html"
    subject = drift_report.ReportSubject(
        window.spec, window.version, window.window_from, window.window_to, finding.note
    )
    words = {name: of for name, of in champion.words.items() if name in drawn.names}
    samples = drift_report.ReportSamples(drawn.names, drawn.reference, drawn.current, words)
    drift_report.write(path, subject, finding.verdict, samples)
    return path


def write_plot(store: Store, spec: str, reports: Path) -> Path:
    """Plot the last windows of a spec, in place of the plot before."""
    path = _plot_of(reports, spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = drift_history.draw(drift_history.history(store, spec, SHOWN_WINDOWS))
    figure.savefig(path, dpi=DPI)
    return path


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
    cause = f"version {window.version} until {window.window_to.isoformat()}"
    reason = "; ".join(decision.reasons)[:LONGEST_REASON]
    return RetrainingCause("drift", getuser(), reason, evidence, cause, against)
