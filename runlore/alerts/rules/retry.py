"""When a message that did not arrive is tried again: later each time, for a day."""

FIRST_S, FACTOR, LONGEST_S = 2.0, 2.0, 900.0
GIVE_UP_S = 86_400.0
LONGEST_WISH_S = 3600.0


def pause_s(attempts: int, age_s: float, wished_s: float = 0.0) -> float | None:
    """Seconds until the next attempt; None: it is given up.

    attempts: that failed so far, at least 1. age_s: of the message. wished_s: what the receiver
    asked for (Retry-After); heeded up to an hour.

    >>> [pause_s(attempts, age_s=60) for attempts in (1, 2, 3, 4, 20)]
    [2.0, 4.0, 8.0, 16.0, 900.0]
    >>> pause_s(1, 60, wished_s=30), pause_s(1, age_s=90_000)
    (30, None)
    """
    if age_s >= GIVE_UP_S:
        return None
    own = min(FIRST_S * FACTOR ** min(attempts - 1, 30), LONGEST_S)
    return max(own, min(wished_s, LONGEST_WISH_S))
