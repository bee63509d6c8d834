"""What an actor, a kind or a scope usually does, and its risks."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from runlore.advice.queries.behaviour import (
    ListedActor,
    RunsOfSubject,
    read_actors,
    read_behaviour,
    read_streams,
)
from runlore.advice.rules.patterns.behaviour import (
    Behaviour,
    ComparedBehaviour,
    Part,
    StreamCounts,
    common_cycle,
    own_counts,
)
from runlore.advice.rules.patterns.finding import FoundPatterns, find_patterns
from runlore.kernel.calendars import find_zone
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.renewed_cache import RenewedCache
from runlore.records.execution import OPEN_STATUSES
from runlore.store.engine import Store

Floats = NDArray[np.float64]

MOST_RISKS, MOST_CACHED = 10, 500


@dataclass(frozen=True)
class PatternSubject:
    """zone: an IANA name; local times and days are those of its clocks."""

    part: Part
    name: str
    zone: str = "UTC"


@dataclass(frozen=True)
class FailureRisk:
    """part, name: of a kind or scope of the subject; empty: all. low, high: 95 % of the rate."""

    part: str
    name: str
    failed: int
    ended: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class SubjectPatterns:
    """open_runs: positions of executions that have not ended, the oldest first."""

    subject: PatternSubject
    as_of: datetime
    runs: RunsOfSubject
    compared: ComparedBehaviour
    found: FoundPatterns
    risks: tuple[FailureRisk, ...]
    open_runs: tuple[int, ...]


class PatternCache:
    """Patterns and common cycles of the last minutes, for one service."""

    def __init__(self) -> None:
        self._streams: RenewedCache[tuple[Store, str], StreamCounts] = RenewedCache(
            lambda key, at: read_streams(key[0], key[1], at), 20
        )
        self._patterns: RenewedCache[tuple[Store, PatternSubject], SubjectPatterns] = RenewedCache(
            self._make, MOST_CACHED
        )

    def get(self, store: Store, subject: PatternSubject, at: datetime) -> SubjectPatterns:
        """Raises what `patterns_of` raises."""
        return self._patterns.get((store, subject), at)

    def _make(self, key: tuple[Store, PatternSubject], at: datetime) -> SubjectPatterns:
        store, subject = key
        find_zone(subject.zone)
        return patterns_of(store, subject, at, self._streams.get((store, subject.zone), at))


def subject_of(part: Part, name: str, zone: str = "UTC") -> PatternSubject:
    """Raises BadInput for a name that no execution can have, or an unknown zone."""
    if "\x00" in name or len(name) > 1_024:
        raise BadInput(f"{part}: no {part} has such a name", part)
    find_zone(zone)
    return PatternSubject(part, name, zone)


def patterns_of(
    store: Store, subject: PatternSubject, as_of: datetime, everybody: StreamCounts | None = None
) -> SubjectPatterns:
    """Raises NotFound for a subject without executions.

    everybody: when all work, as known at that instant; None: it is read.
    """
    zone = find_zone(subject.zone)
    runs = read_behaviour(store, subject.part, subject.name, zone, as_of)
    if not runs.names:
        raise NotFound(
            f"{subject.part} {subject.name[:80]!r} has no executions that were known then;"
            " /console/actors lists actors"
        )
    if everybody is None:
        everybody = read_streams(store, subject.zone, as_of)
    own = own_counts(runs.behaviour)
    compared = ComparedBehaviour(runs.behaviour, common_cycle(everybody, own))
    is_open = [at for at, run in enumerate(runs.names) if run.status in OPEN_STATUSES]
    return SubjectPatterns(
        subject,
        as_of,
        runs,
        compared,
        find_patterns(compared),
        tuple(_risks(runs.behaviour)),
        tuple(is_open),
    )


def list_actors(store: Store, as_of: datetime, limit: int) -> list[ListedActor]:
    """Those with the most executions, as known at an instant."""
    return read_actors(store, as_of, limit)


def _risks(behaviour: Behaviour) -> list[FailureRisk]:
    ended = ~np.isnan(behaviour.failed)
    risks = [_risk("", "", behaviour.failed[ended])]
    for part in behaviour.other_parts:
        labels = behaviour.labels[part]
        for code in labels.largest[:MOST_RISKS] if len(labels.largest) > 1 else ():
            mask = ended & (labels.codes == code)
            if mask.any():
                risks.append(_risk(part, labels.names[code], behaviour.failed[mask]))
    return risks if ended.any() else []


def _risk(part: str, name: str, failed: Floats) -> FailureRisk:
    """Its interval is Wilson's, 1927."""
    n, bad = len(failed), int(failed.sum())
    if not n:
        return FailureRisk(part, name, 0, 0, 0.0, 0.0, 1.0)
    rate, z = bad / n, 1.96
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return FailureRisk(part, name, bad, n, rate, float(low), float(high))
