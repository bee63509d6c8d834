"""Store the scores of windows, and their anomalies."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Protocol

from runlore.alerts.queries import anomalies
from runlore.alerts.queries.anomalies import AnomalyChange
from runlore.kernel.instants import from_us
from runlore.kernel.json_values import finite_or_none
from runlore.performance import queries
from runlore.performance.queries import PerformanceLook, PerformanceResult, Source
from runlore.performance.rules.windows import WindowPerformance
from runlore.store.engine import Connection, Store

__all__ = ["AnomalyChange", "JudgedWindows", "record"]

KIND = "performance"
SEVERITY = "warning"


class JudgedWindows(Protocol):
    """The scored windows of one look."""

    @property
    def spec(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def windows(self) -> tuple[WindowPerformance, ...]: ...


def record(
    store: Store, outcome: JudgedWindows, broken: Sequence[str], plot: Path, *, is_conclusive: bool
) -> AnomalyChange | None:
    """Add every window's scores; open the spec's anomaly with what is broken, or resolve it.

    is_conclusive: False leaves the anomaly as it is: missing data heals nothing. So does what was
    found as of an older instant than the newest conclusive look. Of conclusive looks the newest
    counts, whichever was made first.
    """
    look = PerformanceLook(
        outcome.at, outcome.spec, outcome.version, bool(broken) or is_conclusive, broken
    )
    with store.begin() as connection:
        queries.lock(connection, outcome.spec)
        newest = queries.newest_conclusive(connection, outcome.spec)
        queries.add(connection, list(_results(outcome)))
        queries.add_look(connection, look)
        if newest is not None and newest > outcome.at:
            return _now(connection, outcome.spec)
        if broken:
            evidence = {"version": outcome.version, "reasons": list(broken), "report": str(plot)}
            opened = anomalies.open_anomaly(
                connection, KIND, outcome.spec, SEVERITY, evidence, outcome.at
            )
            return "open" if opened is None else "opened"
        if is_conclusive:
            closed = anomalies.resolve_anomaly(connection, KIND, outcome.spec, outcome.at)
            return None if closed is None else "resolved"
        return _now(connection, outcome.spec)


def _now(connection: Connection, spec: str) -> AnomalyChange | None:
    still = any(anomaly.subject == spec for anomaly in anomalies.read_open(connection, KIND))
    return "open" if still else None


def _results(outcome: JudgedWindows) -> Iterator[PerformanceResult]:
    for window in outcome.windows:
        sources: tuple[Source, ...] = ("realised", "estimated")
        for source, scores in zip(sources, (window.realised.scores, window.estimated), strict=True):
            for score, measured in scores.items():
                if isfinite(measured.value):
                    yield PerformanceResult(
                        at=outcome.at,
                        spec=outcome.spec,
                        version=outcome.version,
                        window_from=from_us(window.first_us),
                        window_to=from_us(window.last_us),
                        answers=window.answers,
                        labelled=window.realised.labels,
                        maturity=finite_or_none(window.maturity),
                        source=source,
                        score=score,
                        value=measured.value,
                        low=finite_or_none(measured.low),
                        high=finite_or_none(measured.high),
                    )
