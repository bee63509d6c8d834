"""The instants of one field of all rows: what its cells say, and how they were read."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.formats.date_text import DAY_FIRST, MONTH_FIRST, TWO_READINGS, readings
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


def refuse_two_readings(name: str, cells: pa.Array) -> None:
    """Raise BadInput for a log whose dates do not say whether the day or the month comes first.

    A date such as 25/12/2025 shows it; the format is named then, and not assumed.
    """
    if not pa.types.is_string(cells.type):
        return
    text = pc.utf8_trim_whitespace(cells)
    dates = text.filter(pc.fill_null(pc.match_substring_regex(text, TWO_READINGS), False))
    both = readings(dates[0].as_py()) if len(dates) else None
    if both is None:
        return
    for pattern, date_format in zip((DAY_FIRST, MONTH_FIRST), both, strict=True):
        shown = dates.filter(pc.match_substring_regex(dates, pattern))
        if len(shown):
            raise BadInput(
                f"{name}: '{shown[0]}' can be read in one way only; say"
                f" --date-format '{date_format}'",
                name,
            )
    raise BadInput(
        f"{name}: '{dates[0]}' has two readings: say --date-format '{both[0]}' if the day comes"
        f" first, or '{both[1]}' if the month does",
        name,
    )


def ambiguity(fields: Iterable[FieldInstants], timezone: str) -> dict[str, Mask]:
    """A remark on the rows that have a time which comes twice."""
    masks = (has_two_readings(one.read.naive, timezone) for one in fields)
    ambiguous = [mask(twice) for twice in masks if twice is not None]
    return {TWICE: np.logical_or.reduce(ambiguous)} if ambiguous else {}
