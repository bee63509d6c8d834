"""Checks over whole columns, and the reason for every row that fails one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.durations import SOURCE_CLOCK_TOLERANCE_US

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

EARLIEST_US = -8_520_336_000_000_000  # 1700-01-01; that instant itself stands for "no time"
LATEST_US = 7_258_118_400_000_000  # 2200-01-01

# PostgreSQL indexes at most some 2,700 bytes a row; a feature's key may join three texts.
LONGEST_KEY_BYTES = 500

MOST_VALUE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class RowCheck:
    """Rows where `is_bad` holds are refused with `reason`, whose {} is the row's own value.

    due: int64 µs, when the row may be judged again; None: never.
    """

    is_bad: Mask
    reason: str
    values: pa.Array | None = None
    due: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """The refused rows. rows: their positions, ascending. One per row: reasons; kinds: the reason
    with {} for the row's value; due: when it may be judged again, null for never.
    """

    rows: Rows
    reasons: pa.Array
    kinds: pa.Array
    due: pa.Array

    def accepted(self, count: int) -> Mask:
        """(count,): True for the rows that are not refused."""
        keep = np.ones(count, dtype=np.bool_)
        keep[self.rows] = False
        return keep


def judge(checks: Sequence[RowCheck], count: int) -> Refusals:
    """Find the refused rows among `count` rows; a row's reason is the first check that it fails."""
    undecided = np.ones(count, dtype=np.bool_)
    hits: list[tuple[RowCheck, Rows]] = []
    for check in checks:
        hit = np.flatnonzero(check.is_bad & undecided)
        if hit.size:
            undecided[hit] = False
            hits.append((check, hit))
    if not hits:
        nothing = pa.array([], pa.string())
        return Refusals(np.zeros(0, np.int64), nothing, nothing, pa.array([], pa.int64()))
    all_rows = np.concatenate([rows for _, rows in hits])
    order = pa.array(np.argsort(all_rows, kind="stable"))
    return Refusals(
        all_rows[order],
        pa.concat_arrays([_reasons(check, rows) for check, rows in hits]).take(order),
        pa.concat_arrays([pa.repeat(check.reason, rows.size) for check, rows in hits]).take(order),
        pa.concat_arrays([_due(check, rows) for check, rows in hits]).take(order),
    )


def instant_checks(name: str, us: pa.Array, text: pa.Array, *, is_required: bool) -> list[RowCheck]:
    """An instant that is missing, unreadable (`us` is null, `text` is not) or absurd."""
    is_null = mask(us.is_null())
    has_text = mask(text.is_valid())
    outside = mask(pc.or_(pc.less(us, EARLIEST_US), pc.greater_equal(us, LATEST_US)))
    checks = [
        RowCheck(is_null & has_text, f"{name}: '{{}}' is not an instant", text),
        RowCheck(outside, f"{name}: '{{}}' is not between 1700 and 2200", text),
    ]
    if is_required:
        checks.insert(0, RowCheck(~has_text, f"{name} is empty"))
    return checks


def future_check(name: str, us: pa.Array, text: pa.Array, now_us: int) -> RowCheck:
    """Refuse instants in the future: they would delay every later fact to their own instant."""
    is_ahead = mask(pc.greater(us, now_us + SOURCE_CLOCK_TOLERANCE_US))
    return RowCheck(
        is_ahead, f"{name}: '{{}}' tells of the future; is it of another --timezone?", text, us
    )


def order_checks(submitted: pa.Array, started: pa.Array, finished: pa.Array) -> list[RowCheck]:
    return [
        RowCheck(mask(pc.less(started, submitted)), "started is before submitted"),
        RowCheck(mask(pc.less(finished, submitted)), "finished is before submitted"),
        RowCheck(mask(pc.less(finished, started)), "finished is before started"),
    ]


def key_check(name: str, text: pa.Array) -> RowCheck:
    too_long = mask(pc.greater(pc.binary_length(text), LONGEST_KEY_BYTES))
    return RowCheck(too_long, f"{name} is longer than {LONGEST_KEY_BYTES} bytes: '{{}}'", text)


def mask(condition: Any) -> Mask:  # noqa: ANN401  (a boolean Arrow array)
    """An Arrow condition as NumPy; null is False."""
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _due(check: RowCheck, rows: Rows) -> pa.Array:
    if check.due is None:
        return pa.nulls(rows.size, pa.int64())
    return pc.cast(check.due.take(pa.array(rows)), pa.int64())


def _reasons(check: RowCheck, rows: Rows) -> pa.Array:
    if check.values is None or "{}" not in check.reason:
        return pa.repeat(check.reason, rows.size)
    values = pc.cast(check.values.take(pa.array(rows)), pa.string())
    values = pc.utf8_slice_codeunits(pc.fill_null(values, ""), 0, MOST_VALUE_CHARACTERS)
    first, *others = (pa.scalar(part) for part in check.reason.split("{}"))
    parts = [first, *(part for other in others for part in (values, other))]
    return pc.binary_join_element_wise(*parts, "")
