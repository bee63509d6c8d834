"""Compare the features that were served with those of the log, bit for bit.

The features of every answer are computed again by one fold over the whole log, as of its instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import of_version, spec_of
from runlore.features.declaration import FeaturePlan
from runlore.features.matrix import extract_requests
from runlore.kernel.errors import NotFound
from runlore.kernel.instants import from_us, to_us
from runlore.log.reader import read_log_facts
from runlore.records.validate import EARLIEST_US
from runlore.serving.queries import feature_states, ledger_vectors
from runlore.serving.queries.feature_states import Connection
from runlore.serving.queries.ledger_vectors import Vectors
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

KIND = "skew"
MARGIN = timedelta(seconds=1)  # after a rebuild: reads until its commit saw the states before it

GONE = "the registry does not have it any more"
BEHIND = "its states are behind the log; try again"
WINDOW_US = 3_600_000_000
EXAMPLES = 5


@dataclass(frozen=True)
class FeatureSkew:
    """The number of answers in which a feature differs.

    mismatches: another number; missing: a number in the log only; extra: one on the ledger only.
    """

    feature: str
    mismatches: int
    missing: int
    extra: int

    @property
    def total(self) -> int:
        return self.mismatches + self.missing + self.extra


@dataclass(frozen=True)
class WindowSkew:
    """An hour from `begin` on: answers compared, and those with a difference."""

    begin: datetime
    compared: int
    different: int


@dataclass(frozen=True)
class Skew:
    """The comparison of one version's answers.

    older: not compared, since an ingest has added to the log after them. without: answers that
    have no vector, or one of another width. examples: ids of answers that differ.
    """

    spec: str
    version: str
    compared: int
    older: int = 0
    without: int = 0
    features: tuple[FeatureSkew, ...] = ()
    windows: tuple[WindowSkew, ...] = ()
    examples: tuple[str, ...] = ()
    note: str = ""

    @property
    def different(self) -> int:
        return sum(window.different for window in self.windows) + self.without

    @property
    def is_clean(self) -> bool:
        return not self.different

    @property
    def is_behind(self) -> bool:
        """Nothing could be compared yet."""
        return self.note == BEHIND


def skew(
    store: Store,
    registry: "Registry",
    spec: str,
    since: datetime,
    until: datetime | None = None,
) -> list[Skew]:
    """Compare what each version of a spec answered in `[since, until)`; a result per version."""
    skews: list[Skew] = []
    facts: pd.DataFrame | None = None
    for version in ledger_vectors.versions(store, spec, since, until):
        plan = _plan(registry, spec, version)
        if plan is None:
            skews.append(Skew(spec, version, 0, note=GONE))
            continue
        with store.connect() as connection:
            built_at = _built_at(connection, plan)
        if built_at is None:
            skews.append(Skew(spec, version, 0, note=BEHIND))
            continue
        vectors = ledger_vectors.read(store, spec, version, since, until)
        facts = read_log_facts(store) if facts is None else facts
        skews.append(compare(facts, plan, vectors, spec, version, built_at + MARGIN))
    return skews


def compare(
    facts: pd.DataFrame,
    plan: FeaturePlan,
    vectors: Vectors,
    spec: str,
    version: str,
    after: datetime,
) -> Skew:
    """Compare vectors with those of the log, of answers as of later than `after`."""
    is_new = vectors.requests["as_of_us"].to_numpy() > to_us(after)
    has_width = vectors.widths == len(plan.names)
    chosen = is_new & has_width
    older, without = int((~is_new).sum()), int((is_new & ~has_width).sum())
    if not chosen.any():
        return Skew(spec, version, 0, older, without)
    requests = vectors.requests[chosen].reset_index(drop=True)
    served = vectors.rows(chosen, len(plan.names))
    logged = extract_requests(facts, requests, plan)
    differs = _differs(served, logged)
    is_wrong = np.asarray(differs.any(axis=1))
    return Skew(
        spec=spec,
        version=version,
        compared=len(requests),
        older=older,
        without=without,
        features=tuple(_features(plan, served, logged, differs)),
        windows=tuple(_windows(requests["as_of_us"].to_numpy(), is_wrong)),
        examples=tuple(requests["id"][is_wrong][:EXAMPLES]),
    )


def note(store: Store, skews: list[Skew], at: datetime) -> None:
    """Open an anomaly for each version whose answers differ, and resolve those that are over."""
    with store.begin() as connection:
        for skew_of_version in skews:
            subject = of_version(skew_of_version.spec, skew_of_version.version)
            if skew_of_version.is_clean and skew_of_version.compared:
                anomalies.resolve_anomaly(connection, KIND, subject, at)
            elif not skew_of_version.is_clean:
                evidence = {
                    "compared": skew_of_version.compared,
                    "different": skew_of_version.different,
                    "features": [vars(f) for f in skew_of_version.features if f.total],
                    "examples": list(skew_of_version.examples),
                }
                anomalies.open_anomaly(connection, KIND, subject, "critical", evidence, at)


def let_rest(store: Store, spec: str, skews: list[Skew], at: datetime) -> None:
    """Resolve the open alerts of versions that no longer answer."""
    answered = {of_version(spec, skew_of_version.version) for skew_of_version in skews}
    with store.begin() as connection:
        for anomaly in anomalies.read_open(connection, KIND):
            if spec_of(anomaly.subject) == spec and anomaly.subject not in answered:
                anomalies.resolve_anomaly(connection, KIND, anomaly.subject, at)


def _differs(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Bit by bit; what is not a number is one thing, whatever its bits."""
    both_unknown = np.isnan(one) & np.isnan(other)
    is_different: NDArray[np.bool_] = (one.view(np.int32) != other.view(np.int32)) & ~both_unknown
    return is_different


def _features(
    plan: FeaturePlan,
    served: NDArray[np.float32],
    logged: NDArray[np.float32],
    differs: NDArray[np.bool_],
) -> Iterator[FeatureSkew]:
    missing = np.isnan(served) & ~np.isnan(logged)
    extra = ~np.isnan(served) & np.isnan(logged)
    other = differs & ~missing & ~extra
    for at, name in enumerate(plan.names):
        yield FeatureSkew(name, *(int(flags[:, at].sum()) for flags in (other, missing, extra)))


def _windows(as_of_us: NDArray[np.int64], is_wrong: NDArray[np.bool_]) -> Iterator[WindowSkew]:
    begins, at = np.unique(as_of_us // WINDOW_US * WINDOW_US, return_inverse=True)
    compared, different = np.bincount(at), np.bincount(at, weights=is_wrong)
    for begin, n, wrong in zip(begins, compared, different, strict=True):
        yield WindowSkew(from_us(int(begin)), int(n), int(wrong))


def _built_at(connection: Connection, plan: FeaturePlan) -> datetime | None:
    """Since when the states of a version know the log; without any that was always so."""
    if not plan.histories:
        return from_us(EARLIEST_US)
    return feature_states.built_at(connection, plan.histories)


def _plan(registry: "Registry", spec: str, version: str) -> FeaturePlan | None:
    try:
        ref = registry.version(spec, version)
    except NotFound:
        return None
    return registry.load(ref).plan
