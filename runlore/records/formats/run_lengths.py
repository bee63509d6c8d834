"""How long runs took whose start or end a log does not say: nothing that it says is lost.

A start follows from an end and a length of time. Where it does not, the length itself is recorded,
as the outcome `duration_s`; it counts wherever start and end are not both known.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import RUN_LENGTH
from runlore.records.formats.cell_checks import MOST_SECONDS
from runlore.records.formats.json_text import JsonText


def begun_before(
    started: pa.Array, finished: pa.Array, submitted: pa.Array, us: pa.Array
) -> pa.Array:
    """The starts; an unknown one is the end less the length, unless that is before submission."""
    began = pc.subtract(finished, pc.if_else(pc.greater(us, 0), us, None))
    return pc.coalesce(started, pc.if_else(pc.greater_equal(began, submitted), began, None))


def with_length(
    outcome: Mapping[str, "pa.Array | JsonText"], started: pa.Array, us: pa.Array
) -> dict[str, "pa.Array | JsonText"]:
    """The outcome with the length of runs without a start; a log's own `duration_s` stays."""
    alone = pc.if_else(pc.and_(started.is_null(), pc.greater_equal(us, 0)), us, None)
    if alone.null_count == len(alone):
        return dict(outcome)
    seconds = pc.divide(pc.cast(alone, pa.float64()), 1e6)
    return {RUN_LENGTH: seconds, **outcome}


def microseconds(seconds: pa.Array) -> pa.Array:
    """int64; null for a length that is unknown, negative or absurd."""
    usable = pc.and_(pc.greater_equal(seconds, 0.0), pc.less_equal(seconds, MOST_SECONDS))
    return pc.round(pc.multiply(pc.if_else(usable, seconds, None), 1e6)).cast(pa.int64())
