"""From records of failures and visits to times between them, some of which are censored."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
AgeFrom = Literal["first", "renewal"]
PAST_RATE = "past_rate"


@dataclass(frozen=True, eq=False)
class RenewalLog:
    """Records after which a scope counts as renewed, and the days between which it was seen.

    scope, day, is_failure: (e,) of each record, in any order; a record that is no failure is a
    visit. first, until: (s,) of each scope, until when nothing else is known to have happened.
    inputs: (e + s, k) of each record, then of each scope's first; NaN where not known.
    """

    scope: Ints
    day: Floats
    is_failure: Bools
    first: Floats
    until: Floats
    inputs: Floats
    input_names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """Times between renewals, (n,) each; days, above 0.

    is_failure: it ended in one; else it is censored: a visit came first, or it goes on. is_open: it
    goes on. covariates: (n, k), known when it began.
    """

    scope: Ints
    days: Floats
    is_failure: Bools
    is_open: Bools
    covariates: Floats
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.days)

    def take(self, chosen: Bools | Ints) -> "Lifetimes":
        return Lifetimes(
            self.scope[chosen],
            self.days[chosen],
            self.is_failure[chosen],
            self.is_open[chosen],
            self.covariates[chosen],
            self.names,
        )


def build_lifetimes(log: RenewalLog, same_days: float, age_from: AgeFrom = "first") -> Lifetimes:
    """One for each time between two renewals of a scope, and one that is still open.

    same_days: a failure so soon after the one before is the same. age_from: "first" starts the
    clock at a scope's first record; "renewal" leaves out what came before its first renewal.
    The covariates are the named inputs, and the scope's past rate of failures: log of
    (failures + 1) / (expected by the rate of all + 1).
    """
    rows = _sorted_rows(_without_repeats(log, same_days), age_from)
    same = rows.scope[1:] == rows.scope[:-1]
    days = np.diff(rows.day)
    kept = same & ((days > 0) | rows.is_end[1:])
    covariates = np.column_stack([rows.inputs, _past_rate(rows)])[:-1]
    return Lifetimes(
        rows.scope[:-1][kept],
        np.maximum(days[kept], 1e-6),
        rows.is_failure[1:][kept],
        rows.is_end[1:][kept],
        covariates[kept],
        (*log.input_names, PAST_RATE),
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Begin, renewals and end of each scope, in order."""

    scope: Ints
    day: Floats
    is_failure: Bools
    is_end: Bools
    first: Floats
    inputs: Floats


def _without_repeats(log: RenewalLog, same_days: float) -> RenewalLog:
    order = np.lexsort((log.day, log.scope, ~log.is_failure))
    failures = order[: int(log.is_failure.sum())]
    is_same = log.scope[failures[1:]] == log.scope[failures[:-1]]
    is_repeat = is_same & (np.diff(log.day[failures]) <= same_days)
    kept = np.ones(len(log.day), dtype=bool)
    kept[failures[1:][is_repeat]] = False
    inputs = log.inputs[np.append(kept, np.ones(len(log.first), dtype=bool))]
    return RenewalLog(
        log.scope[kept],
        log.day[kept],
        log.is_failure[kept],
        log.first,
        log.until,
        inputs,
        log.input_names,
    )


def _sorted_rows(log: RenewalLog, age_from: AgeFrom) -> _Rows:
    """Begin, records and end of each scope, ascending; inputs are carried forward."""
    scopes, events = len(log.first), len(log.day)
    every = np.arange(scopes)
    scope = np.concatenate([log.scope, every, every]).astype(np.int64)
    day = np.concatenate([log.day, log.first, np.maximum(log.until, log.first)])
    failed = np.concatenate([log.is_failure, np.zeros(2 * scopes, dtype=bool)])
    rank = np.repeat([1, 0, 2], [events, scopes, scopes])
    order = np.lexsort((~failed, day, rank == 2, rank != 0, scope))
    no_inputs = np.full((scopes, log.inputs.shape[1]), np.nan)
    inputs = _carried(np.concatenate([log.inputs, no_inputs])[order], scope[order])
    if age_from == "renewal":
        kept = rank[order] != 0
        order, inputs = order[kept], inputs[kept]
    return _Rows(scope[order], day[order], failed[order], rank[order] == 2, log.first, inputs)


def _carried(values: Floats, scope: Ints) -> Floats:
    """The last known value of the same scope."""
    rows = np.arange(len(values))[:, None]
    is_known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(is_known, rows, -1), axis=0)
    own = (last >= 0) & (scope[np.maximum(last, 0)] == scope[:, None])
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(own, carried, np.nan)


def _past_rate(rows: _Rows) -> Floats:
    exposure = rows.day - rows.first[rows.scope]
    counted = np.cumsum(rows.is_failure)
    begins = np.append(True, rows.scope[1:] != rows.scope[:-1])[: len(rows.scope)]
    before: Ints = (counted - rows.is_failure)[begins]
    failures: Ints = counted - np.repeat(
        before, np.diff(np.append(np.flatnonzero(begins), len(begins)))
    )
    total = exposure[rows.is_end].sum()
    rate = rows.is_failure.sum() / total if total > 0 else 0.0
    return np.asarray(np.log((failures + 1) / (rate * exposure + 1)))
