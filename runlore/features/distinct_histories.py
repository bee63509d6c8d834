"""Which histories, and which of their values, tell a log's executions apart.

In a log of one kind and one scope, "the same kind" is the same as "all work". Such copies cost time
and state in serving and teach nothing.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import columns, keys
from runlore.features.declaration import HistoryFeatures
from runlore.features.log import Log

Mask = NDArray[np.bool_]


def choose(
    histories: Sequence[HistoryFeatures], log: Log, training: Mask, baselines: Collection[str] = ()
) -> tuple[HistoryFeatures, ...]:
    """The histories that add something, by the executions submitted until training ends.

    A value that is the same in all outcomes is left out, such as a duration of 0. Two histories are
    alike when their keys divide the executions alike; the one with more values stays, of equals the
    first. A key that no two executions share is left out. baselines: features that always stay.
    """
    if not training.any():
        return tuple(histories)
    needed = frozenset(baselines)
    until = log.as_of_us <= log.as_of_us[training].max()
    constant = _constant(log, until, {value for history in histories for value in history.values})
    varied = [_without(history, constant, needed) for history in histories]
    parts = [_digest(pd.factorize(keys.group(h, log).codes[until])[0]) for h in varied]
    unshared = _digest(np.arange(np.count_nonzero(until)))
    redundant = set(_redundant(varied, parts, needed))
    return tuple(
        history
        for history, part in zip(varied, parts, strict=True)
        if not needed.isdisjoint(history.feature_names)
        or not (history in redundant or (part == unshared and until.sum() > 1))
    )


def _digest(codes: NDArray[np.int64]) -> bytes:
    """Equal for equal codes; a large log's own codes would fill the memory."""
    return hashlib.blake2b(codes.astype(np.int64, copy=False).data, digest_size=32).digest()


def _constant(log: Log, until: Mask, values: Collection[str]) -> set[str]:
    """The values that all known outcomes have in common, or lack."""
    final = log.events.final[until]
    names, known = sorted(values), final[final >= 0]
    table = columns.measure(log.facts, names).table
    low, high = (
        np.array([limit.reduce(table[known, at], initial=np.nan) for at in range(len(names))])
        for limit in (np.fmin, np.fmax)
    )
    return {name for name, varies in zip(names, low < high, strict=True) if not varies}


def _without(
    history: HistoryFeatures, constant: Collection[str], needed: Collection[str]
) -> HistoryFeatures:
    """The history without constant values; the first one stays, since it counts the outcomes."""
    values = [
        value
        for place, value in enumerate(history.values)
        if place == 0
        or value not in constant
        or any(name.startswith(f"{history.name}.{value}_") for name in needed)
    ]
    return replace(history, values=tuple(values))


def _redundant(
    histories: Sequence[HistoryFeatures], parts: Iterable[bytes], needed: frozenset[str]
) -> Iterator[HistoryFeatures]:
    """Those that have no value that another of the same keys does not have, too."""
    alike: dict[tuple[object, ...], list[HistoryFeatures]] = {}
    for part, history in zip(parts, histories, strict=True):
        alike.setdefault((part, history.half_lives_s, history.last), []).append(history)
    for group in alike.values():
        ranked = sorted(group, key=lambda h: (needed.isdisjoint(h.feature_names), -len(h.values)))
        for place, history in enumerate(ranked):
            if any({*history.values} <= {*before.values} for before in ranked[:place]):
                yield history
