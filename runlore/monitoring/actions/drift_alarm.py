"""The anomaly of a spec, which follows from all windows that stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runlore.alerts.queries import alerts, anomalies
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.queries.anomalies import AnomalyChange, anomaly_now
from runlore.alerts.rules.finding import as_evidence
from runlore.alerts.rules.state import QUIET, AlertEpisode
from runlore.monitoring.actions.stored_verdict import DRIFTED_SHARE, verdict_of
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.rules.standing import standing
from runlore.monitoring.rules.trigger import JudgedWindow, TriggerDecision
from runlore.specs.model_spec import DriftPolicy
from runlore.store.engine import Connection

KIND = "drift"
SEVERITY = "warning"
MOST_REASONS = 20
MOST_WINDOWS = 10_000  # per spec; a window a day fills 27 years
OF_ONE_CAUSE = ("version", "window_from", "window_to", "alarm")


def judged(connection: Connection, spec: str) -> list[JudgedWindow]:
    """All windows of a spec that stand, newest first."""
    rows = drift_results.history(
        connection, spec, drift_results.ALL_COLUMNS, DRIFTED_SHARE, MOST_WINDOWS
    )
    return [
        JudgedWindow(
            window.version,
            window.window_from,
            window.window_to,
            "drift" if result.is_drifted else "no drift",
            result.reasons or (),
        )
        for window, result in rows
    ]


def follow(
    connection: Connection, spec: str, champion: str, policy: DriftPolicy, at: datetime
) -> AnomalyChange | None:
    """Open or resolve the anomaly as all windows that stand have it; under the spec's lock.

    Whether cooldown and budget let anybody act on the alarm does not matter. Doing it again changes
    nothing, and what a person has resolved stays so until there is something new to say.
    """
    windows = judged(connection, spec)
    if not windows:
        return anomaly_now(connection, spec)
    now = max(at, drift_results.newest_at(connection, spec) or at)
    alarm = standing(windows, policy, champion)
    if alarm is None:
        resolved = anomalies.resolve_anomaly(connection, KIND, spec, now)
        return None if resolved is None else "resolved"
    newest = alarm.newest
    window = ComparedWindow(spec, newest.version, newest.window_from, newest.window_to)
    comparison = drift_results.read(connection, window)
    if comparison is None:
        return anomaly_now(connection, spec)
    evidence = _evidence(comparison, alarm.decision)
    last = _last(connection, spec)
    if last is not None and last.is_open and dict(last.evidence) == as_evidence(evidence):
        return "open"
    if last is not None and _was_dismissed(last, evidence):
        return None
    opened = anomalies.open_anomaly(connection, KIND, spec, SEVERITY, evidence, now)
    return "open" if opened is None else "opened"


def _last(connection: Connection, spec: str) -> AlertEpisode | None:
    newest = alerts.read(connection, AlertQuery("all", KIND, spec, limit=1))
    return newest[0] if newest else None


def _was_dismissed(last: AlertEpisode, evidence: Mapping[str, Any]) -> bool:
    """Whether a person has resolved an alert of this very alarm."""
    is_same = all(last.evidence.get(name) == evidence[name] for name in OF_ONE_CAUSE)
    return is_same and not last.is_open and last.resolved_by != QUIET


def _evidence(comparison: DriftComparison, decision: TriggerDecision) -> dict[str, Any]:
    window, verdict = comparison.window, verdict_of(comparison)
    since = min([window.window_from, *(drifted.window_from for drifted in decision.windows)])
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
