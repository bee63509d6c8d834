"""Features of an execution by itself: its inputs, categories, texts, and the calendar."""

from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import hashed_text, mapped_arrays
from runlore.features.columns import number, numbers, singles, word
from runlore.features.declaration import FeaturePlan, TextWeights, Vocabulary
from runlore.features.keys import KeyParts
from runlore.features.log import Log
from runlore.kernel.calendars import zone_of
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.instants import from_us

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]
Instants = TypeVar("Instants", float, NDArray[Any])  # one instant, or an array of them

THURSDAY = 3  # 1970-01-01, counting from Monday
UNKNOWN_WORD = -1.0
PARTS = ("actor", "kind", "scope")


def fill(rows: Rows, log: Log, plan: FeaturePlan, chosen: Ints) -> int:
    """Fill inputs, categories, calendar and texts of executions at these positions, a row each.

    Returns the number of columns filled.
    """
    codes = [_codes(vocabulary, log) for vocabulary in plan.categories]
    for piece in mapped_arrays.pieces(len(rows), rows.shape[1] * rows.itemsize):
        part, at = chosen[piece], 0
        for name in plan.inputs:
            rows[piece, at] = np.nan if name not in log.inputs else _input(log, name, part)
            at += 1
        for category in codes:
            rows[piece, at] = category[part]
            at += 1
        if plan.has_calendar:
            for values_of_part in calendar(log.as_of_us[part], _offsets_h(log, plan, part)):
                rows[piece, at] = values_of_part
                at += 1
        for learned in plan.texts:
            end = at + len(learned.weights)
            rows[piece, at:end] = singles(_hashed(log, learned, part))
            at = end
    hashed = sum(len(learned.weights) for learned in plan.texts)
    return len(plan.inputs) + len(codes) + (3 if plan.has_calendar else 0) + hashed


def _hashed(log: Log, learned: TextWeights, part: Ints) -> NDArray[np.float64]:
    """(n, buckets): the columns of a text input, computed once for each different text."""
    if learned.name not in log.inputs:
        return np.zeros((len(part), len(learned.weights)))
    codes, distinct = pd.factorize(log.inputs[learned.name].iloc[part])
    return hashed_text.values(learned, [*distinct, ""])[codes]


def _input(log: Log, name: str, part: Ints) -> Rows:
    return singles(numbers(log.inputs[name].iloc[part]))


def _codes(vocabulary: Vocabulary, log: Log) -> NDArray[np.int64]:
    """(N,): the place of each execution's word among those of training, -1 for any other."""
    numbered, words = pd.factorize(text(vocabulary.name, log))
    places = pd.Index(vocabulary.words, dtype=object).get_indexer(pd.Index(words, dtype=object))
    return mapped_arrays.moved(places[numbered])


def values(
    subject: KeyParts, as_of_us: int, plan: FeaturePlan, codes: tuple[dict[str, int], ...]
) -> list[float]:
    """The values that `fill` writes, for one subject. codes: each category's word -> its code."""
    known = [number(subject.inputs.get(name)) for name in plan.inputs]
    for vocabulary, places in zip(plan.categories, codes, strict=True):
        known.append(places.get(_word(vocabulary.name, subject), UNKNOWN_WORD))
    if plan.has_calendar:
        known += calendar(as_of_us, _offset_h(subject, as_of_us, plan))
    for learned in plan.texts:
        known += hashed_text.values(learned, [subject.inputs.get(learned.name)])[0].tolist()
    return known


def text(name: str, log: Log) -> "pd.Series[str]":
    """A category's word for each execution; the empty text is nothing."""
    if name in PARTS:
        return log.executions[name]
    column = log.inputs.get(name.removeprefix("inputs."))
    if column is None:
        return pd.Series("", index=range(len(log.executions)))
    codes, distinct = pd.factorize(column)
    words = np.array([*(word(value) for value in distinct), ""], dtype=object)
    return pd.Series(words[codes])


def _word(name: str, subject: KeyParts) -> str:
    if name in PARTS:
        return str(getattr(subject, name))
    return word(subject.inputs.get(name.removeprefix("inputs.")))


def _offsets_h(log: Log, plan: FeaturePlan, part: Ints) -> NDArray[np.float64] | float:
    """(n,): how far local time is ahead of UTC at each submission; one number where it is fixed."""
    column = log.inputs.get(plan.zone_input) if plan.zone_input else None
    if column is None:
        return plan.utc_offset_h
    codes, names = pd.factorize(column.iloc[part])
    offsets_h = np.full(part.size, plan.utc_offset_h)
    for code, name in enumerate(names):
        if zone := zone_of(name):
            here = codes == code
            utc = pd.DatetimeIndex(log.as_of_us[part[here]].astype("datetime64[us]"), tz="UTC")
            ahead = utc.tz_convert(zone).tz_localize(None) - utc.tz_localize(None)
            offsets_h[here] = ahead.total_seconds() / HOUR_S
    return offsets_h


def _offset_h(subject: KeyParts, as_of_us: int, plan: FeaturePlan) -> float:
    zone = zone_of(subject.inputs.get(plan.zone_input)) if plan.zone_input else None
    if zone is None:
        return plan.utc_offset_h
    ahead = from_us(as_of_us).astimezone(zone).utcoffset()
    return ahead.total_seconds() / HOUR_S if ahead else 0.0


def calendar(
    as_of_us: Instants, utc_offset_h: NDArray[np.float64] | float
) -> tuple[Instants, Instants, Instants]:
    """Hour of the day, day of the week from Monday, hour of the week: local, as fractions.

    To the second: the last instant before midnight stays below 24 as float32, too.
    """
    if isinstance(utc_offset_h, np.ndarray):
        ahead_s: Any = np.rint(utc_offset_h * HOUR_S).astype(np.int64)
    else:
        ahead_s = round(utc_offset_h * HOUR_S)
    seconds = as_of_us // 1_000_000 + ahead_s
    weekday = (seconds // DAY_S + THURSDAY) % 7
    second = seconds % DAY_S
    return second / HOUR_S, weekday, (weekday * DAY_S + second) / HOUR_S
