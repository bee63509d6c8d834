"""Executions of the newest days that are unlike the subject's own past.

How odd a run is: how rare its hour and scope are, and how far its duration is from those of its
kind. A day counts by its oddest run. Odd days beyond the largest tenth have an exponential tail;
its mean is not known, so the tail is that of the predictive distribution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import ComparedBehaviour
from runlore.advice.rules.patterns.chance import corrected
from runlore.advice.rules.patterns.habits import learn_habits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECENT_DAYS = 30
LEAST_DAYS, TAIL = 60, 0.1
LEAST_RUNS = 20  # of a kind that ended, to know its durations
FREEDOM = 4  # of Student's t of log durations: heavy tails


@dataclass(frozen=True)
class OddRun:
    """row: of the behaviour. place: probability of an hour and scope as rare. usual_s: the median
    duration of its kind; None: the duration is not known. p: of so odd a day; q: corrected."""

    row: int
    place: float
    duration_s: float | None
    usual_s: float | None
    n: int
    days: int
    p: float
    q: float


def find_outliers(compared: ComparedBehaviour, level: float) -> tuple[tuple[OddRun, ...], int]:
    """Odd runs at a false discovery rate, and how many days were looked at."""
    behaviour = compared.behaviour
    day = behaviour.times.day
    is_new = day > day[-1] - RECENT_DAYS
    old = np.flatnonzero(~is_new)
    if len(np.unique(day[old])) < LEAST_DAYS:
        return (), 0
    odd, place, usual = oddness(compared, old)
    days, first = np.unique(day, return_index=True)
    worst = np.maximum.reduceat(odd, first)
    past, new = worst[days <= day[old[-1]]], worst[days > day[old[-1]]]
    p = tail_p(past, new)
    q = corrected(p)
    found = []
    for at in np.flatnonzero(q <= level):
        rows = np.flatnonzero(day == days[len(past) + at])
        row = int(rows[np.argmax(odd[rows])])
        took = behaviour.duration_s[row]
        found.append(
            OddRun(
                row,
                float(place[row]),
                None if np.isnan(took) else float(took),
                None if np.isnan(usual[row]) else float(usual[row]),
                len(old),
                len(past),
                float(p[at]),
                float(q[at]),
            )
        )
    return tuple(sorted(found, key=lambda one: one.p)), len(new)


def oddness(compared: ComparedBehaviour, old: Ints) -> tuple[Floats, Floats, Floats]:
    """(n,) odd, rarity of hour and scope, and usual duration; learned from the old half.

    The older half of `old` teaches, so that the rest of it shows how odd new runs usually are.
    """
    from scipy.stats import t

    behaviour = compared.behaviour
    taught = old[: len(old) // 2]
    scopes = behaviour.labels["scope"]
    names = np.array(scopes.names, dtype=object)[scopes.codes]
    hours = behaviour.times.hour_of_week
    common = (compared.cycle.hours * compared.cycle.weekdays[:, None]).reshape(-1)
    habits = learn_habits(hours[taught], names[taught].tolist(), common * compared.cycle.days)
    place = habits.probability(hours, names.tolist())
    usual = np.full(len(behaviour), np.nan)
    far = np.ones(len(behaviour))
    kinds, logs = behaviour.labels["kind"], np.log(np.maximum(behaviour.duration_s, 1.0))
    for code in kinds.largest:
        mine = np.flatnonzero((kinds.codes == code) & ~np.isnan(behaviour.duration_s))
        known = mine[np.isin(mine, taught, assume_unique=True)]
        if len(known) < LEAST_RUNS:
            continue
        middle = np.median(logs[known])
        spread = max(float(np.median(np.abs(logs[known] - middle))) * 1.4826, 0.05)
        far[mine] = 2 * t.sf(np.abs(logs[mine] - middle) / spread, FREEDOM)
        usual[mine] = np.exp(middle)
    odd: Floats = -np.log(np.maximum(place, 1e-300)) - np.log(np.maximum(far, 1e-300))
    return odd, place, usual


def tail_p(past: Floats, new: Floats) -> Floats:
    """(m,) the probability of a day as odd. past: (d,) of which the newer half was not learned
    from."""
    held = past[len(past) // 2 :]
    edge = float(np.quantile(held, 1 - TAIL))
    beyond = held[held > edge] - edge
    k = max(len(beyond), 1)
    total = max(float(beyond.sum()), 1e-9)
    tail = TAIL * (1 + np.maximum(new - edge, 0) / total) ** (-k)
    rank = ((held >= new[:, None]).sum(axis=1) + 1) / (len(held) + 1)
    result: Floats = np.where(new > edge, np.minimum(tail, 1.0), np.maximum(rank, TAIL))
    return result
