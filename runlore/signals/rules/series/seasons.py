"""Which cycles a series of a given step may have: the day, and the week."""

from dataclasses import dataclass

DAY_S, WEEK_S = 86_400, 604_800
LEAST_CYCLES = 2


@dataclass(frozen=True)
class Seasons:
    """Lengths of cycles in steps. short: a day, usually. long: a week; 0: none fits twice."""

    short: int
    long: int = 0


def find_seasons(step_s: int, steps: int) -> Seasons:
    """The cycles that a series has seen at least LEAST_CYCLES of; a short one of 1 is none.

    >>> find_seasons(3600, 700), find_seasons(3600, 60), find_seasons(86400, 90)
    (Seasons(short=24, long=168), Seasons(short=24, long=0), Seasons(short=7, long=0))
    """
    day, week = DAY_S // step_s, WEEK_S // step_s
    if day <= 1:
        return Seasons(week if week > 1 and steps >= LEAST_CYCLES * week else 1)
    if steps < LEAST_CYCLES * day:
        return Seasons(1)
    return Seasons(day, week if steps >= LEAST_CYCLES * week + day else 0)
