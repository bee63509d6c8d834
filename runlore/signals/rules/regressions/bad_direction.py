"""Which direction of a series is bad, by the words of its name."""

import re
from typing import Literal

BadDirection = Literal["up", "down", "both"]

UP = r"second|duration|latency|wait|error|fail|cost|usd|memory|_ms\b|lag|loss|retry|age"
DOWN = r"success|availab|score|accuracy|auc|precision|recall|throughput|coverage"


def bad_direction(name: str) -> BadDirection:
    """
    >>> bad_direction("duration_p95_seconds"), bad_direction("success_rate"), bad_direction("cpu")
    ('up', 'down', 'both')
    """
    base = name.split("{", 1)[0].lower()
    if re.search(DOWN, base):
        return "down"
    return "up" if re.search(UP, base) else "both"
