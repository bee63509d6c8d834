"""What each sort of pattern says, as data."""

from dataclasses import dataclass
from typing import Literal

Measure = Literal["hours", "kind", "scope", "actor", "active days", "executions", "failures"]
Method = Literal["DBSCAN", "HDBSCAN"]


@dataclass(frozen=True)
class TimeOfDay:
    """begin, width: minutes of the local day; it may pass midnight. middle, spread: of the runs in
    it, in minutes. days: share of all local days of the span that have such a run."""

    begin: int
    width: int
    middle: float = 0.0
    spread: float = 0.0
    days: float = 0.0


@dataclass(frozen=True)
class Weekdays:
    """days: 0 is Monday."""

    days: tuple[int, ...]


@dataclass(frozen=True)
class Period:
    """Seconds from one run to the next; spread: half of the middle 68 %."""

    period_s: float
    spread_s: float = 0.0


@dataclass(frozen=True)
class NextRun:
    """first, then: names of `part`. is_after_failure: only after runs of `first` that failed."""

    part: Literal["kind", "scope", "actor"]
    first: str
    then: str
    within_s: float
    is_after_failure: bool = False


@dataclass(frozen=True)
class FailureTime:
    """Failures on a weekday, or in six hours from `hour` on; share and chance are failure rates."""

    weekday: int | None = None
    hour: int | None = None


@dataclass(frozen=True)
class Cluster:
    """Runs that are alike. runs: how many. middles: input or outcome -> median.

    usual: minute of the day around which they are; None: they are at any hour."""

    runs: int
    share: float
    middles: tuple[tuple[str, float], ...]
    usual: float | None = None


@dataclass(frozen=True)
class Clusters:
    method: Method
    clusters: tuple[Cluster, ...]
    agreement: float
    noise: float


@dataclass(frozen=True)
class HabitShift:
    """A weekly figure since `since_day` (days since 1970) beside before. name: of the kind etc."""

    measure: Measure
    name: str
    before: float
    after: float
    since_day: int


Detail = TimeOfDay | Weekdays | Period | NextRun | FailureTime | Clusters | HabitShift
