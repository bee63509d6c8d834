"""What was counted and judged with facts that are withdrawn, so that it is done anew."""

from datetime import datetime
from typing import Any

import psycopg

DROP_SLICES = """
DELETE FROM runlore.drift_slices WHERE until_seq >= %s
AND starts_at + length_us * interval '1 microsecond' >= %s
"""
# No facts can be as many as -1: the window is judged anew when its spec is looked at.
DOUBT_RESULTS = """
UPDATE runlore.drift_results SET facts = -1
WHERE replaced_at IS NULL AND until_seq >= %s AND window_to >= %s
"""


def make_stale(
    connection: psycopg.Connection[Any], first_seq: int, first_known_at: datetime
) -> None:
    """Let slices and windows that may hold a withdrawn fact be counted and judged again.

    first_seq, first_known_at: the lowest number of the facts, and when one became known first.
    """
    connection.execute(DROP_SLICES, (first_seq, first_known_at))
    connection.execute(DOUBT_RESULTS, (first_seq, first_known_at))
