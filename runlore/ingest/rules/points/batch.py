"""Points of many series as columns, with what was refused and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import HOUR_S
from runlore.records.validate import LONGEST_KEY_BYTES

SeriesKind = Literal["gauge", "counter"]
SeriesKey = tuple[str, str]  # name and scope
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SECOND_US = 1_000_000
AHEAD_S = HOUR_S  # clocks that are wrong by more than this are refused
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class SeriesIdentity:
    """kind: None where the sender does not say; then a known series keeps what it has."""

    name: str
    scope: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    kind: SeriesKind | None = None

    @property
    def key(self) -> SeriesKey:
        return self.name, self.scope


@dataclass(frozen=True, slots=True)
class PointReject:
    """Points that are not recorded. series: the first one that it happened to."""

    reason: str
    series: str
    points: int


@dataclass(frozen=True)
class PointBatch:
    """N points. number: (N,), position in `series`. at_us: (N,), microseconds since 1970.

    markers: staleness markers, which are no points.
    """

    series: Sequence[SeriesIdentity]
    number: Ints
    at_us: Ints
    value: Floats
    rejects: tuple[PointReject, ...] = ()
    markers: int = 0

    def __len__(self) -> int:
        return len(self.number)

    @property
    def rejected(self) -> int:
        return sum(reject.points for reject in self.rejects)

    def without(self, is_refused: NDArray[np.bool_], reason: str) -> "PointBatch":
        """The other points, and one more reject if any point is refused."""
        if not is_refused.any():
            return self
        first = self.series[int(self.number[is_refused.argmax()])]
        reject = PointReject(reason, shown(first.name), int(is_refused.sum()))
        rest = ~is_refused
        return replace(
            self,
            number=self.number[rest],
            at_us=self.at_us[rest],
            value=self.value[rest],
            rejects=(*self.rejects, reject),
        )


class PointCollector:
    """Gathers points one series at a time; the same series may come again."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._series: list[SeriesIdentity] = []
        self._number: list[int] = []
        self._at_us: list[int] = []
        self._value: list[float] = []
        self._rejects: dict[str, PointReject] = {}
        self.markers = 0

    def add(self, identity: SeriesIdentity, at_us: Sequence[int], values: Sequence[float]) -> None:
        key = (identity.name, identity.scope)
        number = self._numbers.setdefault(key, len(self._series))
        if number == len(self._series):
            self._series.append(identity)
        self._number.extend([number] * len(at_us))
        self._at_us.extend(at_us)
        self._value.extend(values)

    def reject(self, reason: str, series: str, points: int = 1) -> None:
        before = self._rejects.get(reason)
        if before is None:
            self._rejects[reason] = PointReject(reason, shown(series), points)
        else:
            self._rejects[reason] = replace(before, points=before.points + points)

    def batch(self) -> PointBatch:
        return PointBatch(
            self._series,
            np.array(self._number, dtype=np.int64),
            np.array(self._at_us, dtype=np.int64),
            np.array(self._value, dtype=np.float64),
            tuple(self._rejects.values()),
            self.markers,
        )


def judge(
    batch: PointBatch,
    now_us: int,
    oldest_us: int | None,
    is_known: Callable[[SeriesIdentity], bool] = lambda series: False,
) -> PointBatch:
    """Refuse what cannot be kept: values, instants and names, with the reason.

    oldest_us: instants before it are refused; None: any since 1970 is taken. is_known: whether the
    name, scope and unit of a series have been judged before.
    """
    late, early = now_us + int(AHEAD_S) * SECOND_US, oldest_us or 0
    batch = batch.without(~np.isfinite(batch.value), "value: not a finite number")
    batch = batch.without(batch.at_us > late, "at: more than an hour ahead of this service's clock")
    batch = batch.without(
        batch.at_us < early,
        "at: too old; let whoever runs the service raise RUNLORE_MAX_BACKDATING_DAYS, or use"
        " `runlore ingest`",
    )
    faults = ["" if is_known(series) else name_fault(series) for series in batch.series]
    for reason in sorted({fault for fault in faults if fault}):
        is_wrong = np.array([fault == reason for fault in faults])
        batch = batch.without(is_wrong[batch.number], reason)
    return batch


def name_fault(series: SeriesIdentity) -> str:
    """What is wrong with a series' name, scope, unit or labels; empty: nothing."""
    if not series.name:
        return "name: empty"
    for field_name in ("name", "scope", "unit"):
        text = getattr(series, field_name)
        if len(text.encode(errors="replace")) > LONGEST_KEY_BYTES:
            return f"{field_name}: longer than {LONGEST_KEY_BYTES} bytes"
    texts = (series.name, series.scope, series.unit, *series.labels, *series.labels.values())
    if any(not is_storable(text) for text in texts):
        return "name: a control character or a broken one is in a name, unit or label"
    return ""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text, and COPY's lines stay lines."""
    return text.isprintable() or not any(
        character < " " or "\ud800" <= character <= "\udfff" for character in text
    )


def shown(text: str) -> str:
    """A name as a message repeats it: short, and without what a terminal would obey."""
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return plain[:SHOWN_CHARACTERS]
