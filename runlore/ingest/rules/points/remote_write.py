"""Prometheus remote write 1.0 and 2.0, and what becomes of its series.

Source: the specifications at prometheus.io/docs/specs/prw/.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from google.protobuf.message import DecodeError

from runlore.ingest.rules.points.batch import (
    PointBatch,
    PointCollector,
    SeriesIdentity,
    SeriesKind,
)
from runlore.ingest.rules.points.names import identify
from runlore.ingest.rules.points.remote_write_messages import message
from runlore.ingest.rules.points.wire import split_message, unpack_snappy
from runlore.kernel.errors import BadInput

Version = Literal[1, 2]
MOST_SERIES = 100_000  # of one request
MOST_REMEMBERED = 50_000  # label sets
STALE_BITS = 0x7FF0000000000002
MS_US = 1_000
FARTHEST_MS = 1 << 52
COUNTER = 1
KINDS: Mapping[int, SeriesKind] = {1: "counter", 2: "gauge"}
CUMULATIVE = {3, 5}  # histogram, summary: their _count, _sum and _bucket only grow
COUNTER_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_created")
NO_HISTOGRAMS = "histograms: native histograms are not kept; classic ones are"


def parse_remote_write(body: bytes, version: Version) -> PointBatch:
    """The points of a request: a snappy block of protobuf.

    Staleness markers are counted, not kept. A series that cannot be read is refused alone. Raises
    BadInput where nothing can be read.
    """
    plain = unpack_snappy(body)
    return _parse_v1(plain) if version == 1 else _parse_v2(plain)


_seen: dict[tuple[bytes, ...], SeriesIdentity] = {}


def _parse_v1(body: bytes) -> PointBatch:
    points, families, count = PointCollector(), _Families(), 0
    parse = message("SeriesV1").FromString
    raw: list[bytes] = []
    for number, content in split_message(body):
        if number == 1:
            raw.append(content)
            count = _counted(count)
        elif number == 3:
            families.add(content)
    for content in raw:
        try:
            series = parse(content)
            identity = families.kind_of(_identity_v1(series.labels))
        except (DecodeError, _BadLabels) as error:
            points.reject(_reason(error), "")
            continue
        _take(points, identity, series)
    return points.batch()


def _parse_v2(body: bytes) -> PointBatch:
    points, symbols, raw = PointCollector(), list[bytes](), list[bytes]()
    for number, content in split_message(body):
        if number == 4:
            symbols.append(content)
        elif number == 5:
            raw.append(content)
        _counted(len(raw))
    parse = message("SeriesV2").FromString
    for content in raw:
        try:
            series = parse(content)
            identity = _identity_v2(series, symbols)
        except (DecodeError, _BadLabels) as error:
            points.reject(_reason(error), "")
            continue
        _take(points, identity, series)
    return points.batch()


class _BadLabels(Exception):
    """The labels of a series cannot be read."""


def _counted(count: int) -> int:
    if count >= MOST_SERIES:
        raise BadInput(f"timeseries: more than {MOST_SERIES:,} in one request", "timeseries")
    return count + 1


def _reason(error: Exception) -> str:
    return f"labels: {error}" if isinstance(error, _BadLabels) else "timeseries: not protobuf"


def _take(points: PointCollector, identity: SeriesIdentity, series: Any) -> None:  # noqa: ANN401
    if series.histograms:
        points.reject(NO_HISTOGRAMS, identity.name, len(series.histograms))
    at_us, values = [], []
    for sample in series.samples:
        value, at_ms = sample.value, sample.timestamp
        if math.isnan(value) and _bits(value) == STALE_BITS:
            points.markers += 1
        elif abs(at_ms) > FARTHEST_MS:
            points.reject("timestamp: no instant of milliseconds since 1970", identity.name)
        else:
            at_us.append(at_ms * MS_US)
            values.append(value)
    points.add(identity, at_us, values)


def _bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def _identity_v1(raw: Sequence[bytes]) -> SeriesIdentity:
    key = tuple(raw)
    known = _seen.get(key)
    if known is None:
        parse = message("Label").FromString
        pairs = [(label.name, label.value) for label in map(parse, key)]
        known = _remember(key, pairs)
    return known


def _identity_v2(series: Any, symbols: Sequence[bytes]) -> SeriesIdentity:  # noqa: ANN401
    refs = series.labels_refs
    if len(refs) % 2:
        raise _BadLabels("an odd number of references")
    try:
        key = tuple([symbols[ref] for ref in refs])
        unit = symbols[series.metadata.unit_ref] if series.metadata.unit_ref else b""
    except IndexError as error:
        raise _BadLabels("a reference points outside of the symbols") from error
    known = _seen.get(key)
    if known is None:
        texts = [_text(symbol) for symbol in key]
        known = _remember(key, list(zip(texts[::2], texts[1::2], strict=True)))
    kind, text = _kind(series.metadata.type, known.labels["__name__"]), _text(unit)
    return known if kind is None and not text else replace(known, kind=kind, unit=text)


def _text(symbol: bytes) -> str:
    try:
        return symbol.decode()
    except UnicodeDecodeError as error:
        raise _BadLabels("not UTF-8") from error


def _remember(key: tuple[bytes, ...], pairs: Sequence[tuple[str, str]]) -> SeriesIdentity:
    labels = dict(pairs)
    if len(labels) < len(pairs):
        raise _BadLabels("a label comes twice")
    metric = labels.get("__name__", "")
    if not metric:
        raise _BadLabels("there is no __name__")
    rest = {label: value for label, value in labels.items() if label != "__name__"}
    identity = identify(metric, rest)
    identity = replace(identity, labels={"__name__": metric, **identity.labels})
    if len(_seen) >= MOST_REMEMBERED:
        _seen.clear()
    _seen[key] = identity
    return identity


def _kind(declared: int, metric: str) -> SeriesKind | None:
    """What a series is by its declared type; a summary's quantiles are gauges."""
    if declared in CUMULATIVE:
        return "counter" if metric.endswith(COUNTER_ENDINGS) else "gauge"
    return KINDS.get(declared)


@dataclass(frozen=True, slots=True)
class _Family:
    type: int
    unit: str


class _Families:
    """What version 1 says about metrics, apart from their series."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, content: bytes) -> None:
        try:
            family = message("Family").FromString(content)
            self._families[_text(family.name)] = _Family(family.type, _text(family.unit))
        except (DecodeError, _BadLabels) as error:
            raise BadInput("metadata: not protobuf", "metadata") from error

    def kind_of(self, identity: SeriesIdentity) -> SeriesIdentity:
        """With its kind and unit, where they are known. Without: a name's ending tells counters.

        The ending is a convention of Prometheus and OpenMetrics.
        """
        metric = identity.labels["__name__"]
        families = self._families
        family = families and (families.get(metric) or families.get(_family_name(metric)))
        if family:
            return replace(identity, kind=_kind(family.type, metric), unit=family.unit)
        is_counter = metric.endswith(("_total", "_count", "_sum", "_bucket"))
        return replace(identity, kind="counter") if is_counter else identity


def _family_name(metric: str) -> str:
    for ending in COUNTER_ENDINGS:
        if metric.endswith(ending):
            return metric.removesuffix(ending)
    return metric
