"""Checks of the fields of an execution, a column at a time."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records import validate
from runlore.records.cell_forms import CellType
from runlore.records.execution import OPEN_STATUSES
from runlore.records.formats.cell_values import NOUNS
from runlore.records.mapping import status_choices
from runlore.records.validate import RowCheck, mask

MOST_SECONDS = 7.0e9  # longer than the span of instants that are accepted

UNKNOWN_STATUS = (
    "status '{}' is unknown; map it with --status '{}=STATUS', where STATUS is one of "
    + status_choices()
)


def text_checks(text: Mapping[str, pa.Array], required: str) -> list[RowCheck]:
    is_empty = mask(pc.equal(pc.binary_length(text[required]), 0))
    too_long = [validate.key_check(name, values) for name, values in text.items()]
    return [RowCheck(is_empty, f"{required} is empty"), *too_long]


def type_check(name: str, cell_type: CellType, column: pa.Array, is_bad: pa.Array) -> RowCheck:
    reason = f"{name}: '{{}}' is not {NOUNS[cell_type]}; if it means no value, say --missing '{{}}'"
    return RowCheck(mask(is_bad), reason, column)


def duration_checks(raw: pa.Array, seconds: pa.Array) -> list[RowCheck]:
    is_number = mask(pc.is_finite(seconds))
    return [
        RowCheck(
            mask(raw.is_valid()) & ~is_number, "duration_s: '{}' is not a length of time", raw
        ),
        RowCheck(mask(pc.less(seconds, 0.0)), "duration_s is negative: '{}'", raw),
        RowCheck(mask(pc.greater(seconds, MOST_SECONDS)), "duration_s is absurd: '{}'", raw),
    ]


def status_checks(words: pa.Array, status: pa.Array, finished: pa.Array) -> list[RowCheck]:
    unknown = mask(status.is_null()) & mask(words.is_valid())
    is_open = mask(pc.is_in(status, value_set=pa.array([s.value for s in OPEN_STATUSES])))
    return [
        RowCheck(unknown, UNKNOWN_STATUS, words),
        RowCheck(
            is_open & mask(finished.is_valid()), "it has finished, but its status is '{}'", words
        ),
    ]


def known_check(known_at: pa.Array, submitted: pa.Array) -> RowCheck:
    return RowCheck(mask(pc.less(known_at, submitted)), "known_at is before submitted")
