"""Feature rows of actors with habits, spells and a weekly rhythm, made directly: no log, no model.

Nothing changes for good until a shift is planted, and yet no two weeks are alike: who works comes
and goes over weeks (autoregressive, day by day), each actor's history features wander with a
ten-day memory, failures come in spells, the load is one number for everybody, week-ends are calm.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Shift = Literal["size", "newcomers", "failures", "unit"]
SHIFTS: tuple[Shift, ...] = ("size", "newcomers", "failures", "unit")

ACTORS, KINDS, HISTORIES = 40, 8, 18
RHYTHM = np.array([1.0, 1.1, 1.1, 1.05, 0.9, 0.3, 0.25])
SIZE_FACTOR, UNIT_SD, NEW_HABITS, FAILURE_ODDS = 4.0, 1.0, 2.5, 1.5
"""How large the planted shifts are."""

NAMES = (
    "inputs.size",
    "inputs.files",
    "inputs.priority",
    "actor",
    "kind",
    "hour",
    "weekday",
    "scope.load",
    *(f"actor.history_{at:02}" for at in range(HISTORIES)),
    "prediction",
    "label",
)
CATEGORIES = ("actor", "kind")
IMPORTANCE = {"inputs.size": 0.03, "actor.history_00": 0.05, "actor.history_01": 0.02, "kind": 0.01}


@dataclass(frozen=True)
class World:
    """rows: (n, columns) in the order of NAMES. day: (n,), counted from the first."""

    rows: np.ndarray
    day: np.ndarray


def wander(rng: np.random.Generator, days: int, width: int, memory_days: float) -> np.ndarray:
    """(days, width) stationary normal autoregressions of variance 1."""
    fades = np.exp(-1 / memory_days)
    steps = rng.normal(size=(days, width)) * np.sqrt(1 - fades**2)
    steps[0] = rng.normal(size=width)
    for at in range(1, days):
        steps[at] += fades * steps[at - 1]
    return steps


def make(seed: int, days: int, per_day: float, shift: Shift | None = None, since: int = 0) -> World:
    """A log's rows; `shift` holds from the day `since` on.

    size: half the kinds of work grow. unit: sizes come in another unit. newcomers: half of all
    actors are new, with habits of their own. failures: work fails more, whatever it is.
    """
    rng = np.random.default_rng(seed)
    share = np.exp(rng.normal(0, 0.6, ACTORS) + 0.5 * wander(rng, days, ACTORS, 20.0))
    if shift == "newcomers":
        share[:, ACTORS // 2 :][:since] = 0
    counts = rng.poisson(per_day * RHYTHM[np.arange(days) % 7] / RHYTHM.mean())
    day = np.repeat(np.arange(days), counts)
    edges = np.cumsum(share, axis=1)
    actor = (rng.random(day.size)[:, None] * edges[day, -1:] > edges[day]).sum(axis=1)
    is_later = (day >= since) & (shift is not None)
    return World(_rows(rng, day, actor, is_later, shift), day)


def _rows(
    rng: np.random.Generator,
    day: np.ndarray,
    actor: np.ndarray,
    is_later: np.ndarray,
    shift: Shift | None,
) -> np.ndarray:
    n, days = day.size, int(day[-1]) + 1
    taste = rng.gamma(0.6, size=(ACTORS, KINDS)).cumsum(axis=1)
    kind = (rng.random(n)[:, None] * taste[actor, -1:] > taste[actor]).sum(axis=1)
    size = rng.normal(rng.normal(0, 0.5, ACTORS)[actor], 0.6) + rng.normal(0, 0.4, KINDS)[kind]
    if shift == "size":
        size = size + np.log(SIZE_FACTOR) * (is_later & (kind < KINDS // 2))
    if shift == "unit":
        size = size + UNIT_SD * is_later
    load = wander(rng, days, 1, 4.0)[day, 0]
    history = np.stack(
        [
            rng.normal(0, 1, ACTORS)[actor]
            + 0.8 * wander(rng, days, ACTORS, 10.0)[day, actor]
            + rng.normal(0, 0.5, n)
            for _ in range(HISTORIES)
        ],
        axis=1,
    )
    is_spell = wander(rng, days, ACTORS, 6.0)[day, actor] > 1.8
    if shift == "newcomers":
        history[:, ::2] += NEW_HABITS * (actor >= ACTORS // 2)[:, None]
    odds = -2.2 + 0.6 * size + 0.5 * history[:, 0] + 0.2 * history[:, 1] + 1.5 * is_spell
    prediction = 1 / (1 + np.exp(-(odds - 1.5 * is_spell)))
    truth = odds + FAILURE_ODDS * (is_later if shift == "failures" else 0)
    label = rng.random(n) < 1 / (1 + np.exp(-truth))
    hour = (rng.normal(rng.choice([9.5, 14, 19, 2], ACTORS)[actor], 2.5)) % 24
    columns = [np.exp(size), rng.poisson(np.exp(size)), rng.choice(4, n), actor, kind, hour]
    columns += [day % 7, load, *history.T, prediction, label]
    return np.stack(columns, axis=1).astype(np.float32)
