"""Has what the champion answers for moved away from what it was trained on?"""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.drift.verdict import WindowVerdict
from runlore.models.spec import ModelSpec
from runlore.records.errors import NoChampion
from runlore.store import drift_results
from runlore.store.drift_results import Window
from runlore.store.engine import Store
from runlore.usecases import drift_record, reference, window
from runlore.usecases.comparison import Champion, Drawn, Finding, examine
from runlore.usecases.drift_record import AnomalyChange

if TYPE_CHECKING:
    from runlore.registry import Registry

ARTIFACTS = "drift"
"""The folder of the champion's MLflow run that reports go to."""


@dataclass(frozen=True)
class MonitorOutcome:
    """What one window was found to be.

    note: what a reader must know about the comparison. report: the HTML, None without enough data.
    is_new: False when the window had been judged before. anomaly: what became of the spec's.
    """

    window: Window
    verdict: WindowVerdict
    note: str = ""
    report: Path | None = None
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
    """Compare the executions of the window before `at` with the champion's training reference.

    Writes every column's statistics to the store, opens or resolves the spec's anomaly and leaves
    an HTML report in `reports` and in the champion's MLflow run. A window that was judged before
    is told again and changes nothing. Raises NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    frame = window.read(store, spec, at, window_s or spec.drift.window_s)
    asked = Window(spec.name, ref.version, frame.first, frame.last)
    known = told_again(store, asked, frame.note)
    if known is not None:
        return known
    with tempfile.TemporaryDirectory(prefix="runlore-monitor-") as folder:
        champion = load_champion(registry.download(ref, Path(folder)), ref.version)
        finding = examine(champion, spec, frame)
    if finding.drawn is None:
        return MonitorOutcome(asked, finding.verdict, finding.note)
    report = write_report(reports, asked, champion, finding, finding.drawn)
    registry.attach(ref.run_id, report, ARTIFACTS)
    found = drift_record.record(store, asked, finding.verdict, report, at)
    return MonitorOutcome(asked, finding.verdict, finding.note, report, found.is_new, found.anomaly)


def told_again(store: Store, asked: Window, note: str) -> MonitorOutcome | None:
    """What was found for the same window before; None for a new one."""
    with store.begin() as connection:
        known = drift_results.read(connection, asked)
        anomaly = drift_record.anomaly_now(connection, asked.spec)
    if known is None:
        return None
    report = None if known.report is None else Path(known.report)
    return MonitorOutcome(
        asked, drift_record.verdict_of(known), note, report, is_new=False, anomaly=anomaly
    )


def load_champion(folder: Path, version: str) -> Champion:
    from runlore.models.bundle import Bundle

    bundle = Bundle.load(folder, version)
    training = bundle.description["training"]
    return Champion(
        version=version,
        plan=bundle.plan,
        predict=lambda rows: bundle.predict(rows).prediction,
        reference=reference.find(folder),
        trained_us=(training["first_us"], training["last_us"]),
    )


def write_report(
    reports: Path, asked: Window, champion: Champion, finding: Finding, drawn: Drawn
) -> Path:
    """The HTML page of a window, in a folder of the spec."""
    from runlore import drift_report

    ends = "-".join(f"{end:%Y%m%dT%H%M%S.%fZ}" for end in (asked.window_from, asked.window_to))
    path = reports / asked.spec / f"drift-v{asked.version}-{ends}.html"
    subject = drift_report.Subject(
        asked.spec, asked.version, asked.window_from, asked.window_to, finding.note
    )
    words = {name: of for name, of in champion.words.items() if name in drawn.names}
    samples = drift_report.Samples(drawn.names, drawn.reference, drawn.current, words)
    drift_report.write(path, subject, finding.verdict, samples)
    return path
