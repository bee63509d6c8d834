"""The instants of one field of all rows: what its cells say, and how they were read."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.date_text import TWO_READINGS
from runlore.records.formats.instants import Instants
from runlore.records.formats.local_times import has_two_readings
from runlore.records.validate import Mask, RowCheck, mask

TWICE = (
    "have a time that comes twice, since the clock was put back: read as the earlier one that"
    " keeps submitted, started and finished in order"
)


@dataclass(frozen=True, slots=True)
class FieldInstants:
    cell: pa.Array
    read: Instants

    def without_zeros(self, submitted: pa.Array) -> pa.Array:
        """The instants; a zero (the first microsecond of 1970) is none beside another submission.

        A log that counts from zero keeps the starts of its first jobs.
        """
        is_zero = pc.and_(pc.equal(self.read.us, 0), pc.not_equal(submitted, 0))
        is_zero = pc.fill_null(is_zero, False)
        return pc.if_else(is_zero, None, self.read.us) if pc.any(is_zero).as_py() else self.read.us

    def shown(self, us: pa.Array) -> pa.Array:
        """The cells, null where they say that there is no instant. us: the final reading."""
        was_zero = pc.and_(us.is_null(), pc.fill_null(pc.equal(self.read.us, 0), False))
        return pc.if_else(pc.or_(self.read.is_none, was_zero), None, self.cell)


def two_readings_check(name: str, us: pa.Array, cell: pa.Array) -> RowCheck:
    """Refuse dates such as 03/04/2025, whose day and month are never guessed."""
    nothing = RowCheck(np.zeros(len(cell), dtype=np.bool_), "")
    if us.null_count == cell.null_count or not pa.types.is_string(cell.type):
        return nothing
    has_two = mask(us.is_null()) & mask(pc.match_substring_regex(cell, TWO_READINGS))
    reason = (
        f"{name}: '{{}}' has two readings, with the day or the month first; say"
        " --date-format '%d/%m/%Y' or '%m/%d/%Y', with the time of day if there is one"
    )
    return RowCheck(has_two, reason, cell)


def ambiguity(fields: Iterable[FieldInstants], timezone: str) -> dict[str, Mask]:
    """A remark on the rows that have a time which comes twice."""
    masks = (has_two_readings(one.read.naive, timezone) for one in fields)
    ambiguous = [mask(twice) for twice in masks if twice is not None]
    return {TWICE: np.logical_or.reduce(ambiguous)} if ambiguous else {}
