"""What was found of answers as rows and anomalies in the store."""

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
from runlore.performance.queries import PerformanceResult, Source
from runlore.performance.rules.windows import WindowPerformance
from runlore.store.engine import Connection, Store

__all__ = ["AnomalyChange", "JudgedWindows", "record"]

KIND = "performance"
SEVERITY = "warning"


class JudgedWindows(Protocol):
    """What is written down of an outcome."""

    @property
    def spec(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def windows(self) -> tuple[WindowPerformance, ...]: ...


def record(
    store: Store, found: JudgedWindows, broken: Sequence[str], plot: Path, *, is_conclusive: bool
) -> AnomalyChange | None:
    """Add every window's scores; open the spec's anomaly with what is broken, or resolve it.

    is_conclusive: False leaves the anomaly as it is: missing data heals nothing. So does what was
    found as of an older instant than the newest.
    """
    with store.begin() as connection:
        newest = queries.newest(connection, found.spec)
        queries.add(connection, list(_results(found)))
        if newest is not None and newest > found.at:
            return _now(connection, found.spec)
        if broken:
            evidence = {"version": found.version, "reasons": list(broken), "report": str(plot)}
            opened = anomalies.open_anomaly(
                connection, KIND, found.spec, SEVERITY, evidence, found.at
            )
            return "open" if opened is None else "opened"
        if is_conclusive:
            closed = anomalies.resolve_anomaly(connection, KIND, found.spec, found.at)
            return None if closed is None else "resolved"
        return _now(connection, found.spec)


def _now(connection: Connection, spec: str) -> AnomalyChange | None:
    still = any(each.subject == spec for each in anomalies.read_open(connection, KIND))
    return "open" if still else None


def _results(found: JudgedWindows) -> Iterator[PerformanceResult]:
    for each in found.windows:
        sources: tuple[Source, ...] = ("realised", "estimated")
        for source, scores in zip(sources, (each.realised.scores, each.estimated), strict=True):
            for score, measured in scores.items():
                if isfinite(measured.value):
                    yield PerformanceResult(
                        at=found.at,
                        spec=found.spec,
                        version=found.version,
                        window_from=from_us(each.first_us),
                        window_to=from_us(each.last_us),
                        answers=each.answers,
                        labelled=each.realised.labels,
                        maturity=finite_or_none(each.maturity),
                        source=source,
                        score=score,
                        value=measured.value,
                        low=finite_or_none(measured.low),
                        high=finite_or_none(measured.high),
                    )
