"""What the page says, as data; the same as `runlore look --json` prints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from runlore.kernel.intervals import Interval

Part = Literal["actor", "kind", "scope"]


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval, measured on n runs. low, high: NaN where it is unknown."""

    value: float
    low: float
    high: float
    n: int

    @property
    def is_known(self) -> bool:
        return isfinite(self.value)

    @classmethod
    def of(cls, value: float, bounds: Interval, n: int) -> "Measured":
        return cls(value, bounds.low, bounds.high, n)


@dataclass(frozen=True)
class RejectedRows:
    """Rows that could not be read for one reason. line: of the first; remedy: what to do."""

    reason: str
    rows: int
    line: int
    remedy: str


@dataclass(frozen=True)
class SpanCount:
    """Runs that were submitted in one of the equal spans of the log. start: as ISO 8601."""

    start: str
    runs: int
    failed: int


@dataclass(frozen=True)
class FileFindings:
    """What was read. first, last: submissions, as ISO 8601. columns: field -> column, as guessed.

    skipped: reason -> rows that are no runs of their own. warnings: what may have been read wrong.
    notes: what was assumed. statuses: how many runs ended in each status. spans: over time.
    """

    name: str
    format: str
    rows: int
    runs: int
    rejected: int
    first: str
    last: str
    days: float
    rejects: tuple[RejectedRows, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    spans: tuple[SpanCount, ...] = ()


@dataclass(frozen=True)
class Gain:
    """The share of all failures among the riskiest runs. shares: of runs, ascending from 0 to 1.

    ours, simple: (points,) of failures caught, by the model and by the simple guess.
    """

    shares: tuple[float, ...]
    ours: tuple[float, ...]
    ours_low: tuple[float, ...]
    ours_high: tuple[float, ...]
    simple: tuple[float, ...]


@dataclass(frozen=True)
class RiskGroup:
    """Runs of about equal predicted risk. predicted: its mean. actual: the share that failed."""

    predicted: float
    actual: Measured


@dataclass(frozen=True)
class FailureFindings:
    """Failures on the future part of the log.

    top: the share of failures among the riskiest tenth; top_simple: of the simple guess.
    unforeseen: the share of failures that looked no riskier than the average run.
    calibration_chance: the calibration error that chance alone gives as many runs.
    passed, reasons: whether the model may be used, by the gates of its spec, and why.
    """

    candidate: str
    train_rows: int
    test_rows: int
    test_from: str
    base_rate: Measured
    auc: Measured
    auc_simple: Measured
    auc_gain: Measured
    top: Measured
    top_simple: Measured
    unforeseen: Measured
    gain: Gain
    groups: tuple[RiskGroup, ...]
    calibration_error: Measured
    calibration_chance: float
    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rival:
    """A simple way to guess a duration, and the model on the same runs.

    accuracy: mean of the smaller over the larger of guess and truth. mae_s: mean absolute error.
    """

    name: str
    accuracy: Measured
    ours_accuracy: Measured
    mae_s: Measured
    ours_mae_s: Measured


@dataclass(frozen=True)
class HeldLevel:
    """A quantile: level: the share of runs that it is meant to hold; held: the share it held."""

    level: float
    held: Measured


@dataclass(frozen=True)
class DurationFindings:
    """Durations on the future part of the log. coverage: of the interval meant to hold `meant`.

    levels: of the quantiles, from which limits are made.
    """

    candidate: str
    train_rows: int
    test_rows: int
    test_from: str
    median_s: float
    accuracy: Measured
    mae_s: Measured
    rivals: tuple[Rival, ...]
    coverage: Measured
    meant: float
    levels: tuple[HeldLevel, ...]
    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class LimitFindings:
    """A policy of limits, replayed on the future part.

    resource: "time" or "memory". unit: of the sums, such as "processor hours". policy: in words.
    saved: the share of what was requested. saved_amount: in `unit`. killed: the share of good runs
    that the limit ends. price: what the saved amount costs; None: no price was given.
    """

    resource: Literal["time", "memory"]
    policy: str
    unit: str
    runs: int
    requested: float
    needed: float
    saved_amount: float
    saved: Measured
    killed: Measured
    within: float
    price: float | None = None


@dataclass(frozen=True)
class StandOut:
    """A user, kind or host whose rate of failures differs from the rest's beyond chance.

    q: the expected share of false ones among those at least as clear as this one.
    """

    part: Part
    name: str
    rate: Measured
    rest: float
    q: float


@dataclass(frozen=True)
class LookFindings:
    """Everything on the page. failure, duration: None where `unanswered` says why.

    verdict: first in words. unpredictable: sentences. commands: what to run next.
    bounds: what was left out to stay quick, in sentences.
    """

    file: FileFindings
    verdict: tuple[str, ...]
    failure: FailureFindings | None
    duration: DurationFindings | None
    limits: tuple[LimitFindings, ...]
    standouts: tuple[StandOut, ...]
    compared: int
    unpredictable: tuple[str, ...]
    unanswered: Mapping[str, str]
    commands: tuple[str, ...]
    bounds: tuple[str, ...]
