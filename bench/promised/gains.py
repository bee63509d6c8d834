"""The interval of a gain: two equal models, and a better one, in work that has spells of two days.

Five actors; their risk and what each model misses of it change every other day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from promised.row import Row

from runlore.kernel.durations import DAY_US
from runlore.models.scores import brier_losses
from runlore.training.rules.bootstrap import draw_blocks, percentile
from runlore.training.rules.gain import consecutive_blocks, gain

ACTORS, SPELL_DAYS = 5, 2.0
SIZES = ((60, 7), (60, 20), (200, 7), (500, 7), (500, 20), (1500, 7), (1500, 15), (1500, 60))
SHORT = ((500, 2.5), (1500, 2.5))
GAINS = (0.8, 4.0)  # by how much the other model's errors vary more


@dataclass(frozen=True)
class TwoModels:
    as_of_us: np.ndarray
    actual: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray


def run(worlds: int) -> Iterator[Row]:
    for rows, days in SIZES:
        yield from _shares(rows, days, 0.0, worlds, "equal: 2.5 %")
    for rows, days in SHORT:
        yield from _shares(rows, days, 0.0, worlds, "none: a comparison of versions waits")
    for worse_by in GAINS:
        for rows, days in SIZES:
            yield from _shares(rows, days, worse_by, worlds, "power")


def spells(rng: np.random.Generator, rows: int, days: float, worse_by: float) -> TwoModels:
    at = np.sort(rng.random(rows) * days)
    actor = rng.integers(0, ACTORS, rows)
    spell = ((at + (rng.random(ACTORS) * SPELL_DAYS)[actor]) / SPELL_DAYS).astype(int)
    size = ACTORS, int(spell.max()) + 1
    risk = rng.normal(-1.2, 0.5, ACTORS)[:, None] + rng.normal(0, 0.8, size)
    missed = rng.normal(0, 0.6, size), rng.normal(0, 0.6 * np.sqrt(1 + worse_by), size)
    logit = risk[actor, spell]
    actual = (rng.random(rows) < _share(logit)).astype(float)
    ours, theirs = (
        _share(logit + error[actor, spell] + rng.normal(0, 0.3, rows)) for error in missed
    )
    return TwoModels((at * DAY_US).astype(np.int64), actual, ours, theirs)


def _share(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def _shares(rows: int, days: float, worse_by: float, worlds: int, promise: str) -> Iterator[Row]:
    rng = np.random.default_rng([rows, round(10 * days), round(10 * worse_by)])
    before = now = now_auc = 0
    for _ in range(worlds):
        world = spells(rng, rows, days, worse_by)
        edges = consecutive_blocks(world.as_of_us)
        answers = world.actual, world.ours, world.theirs
        before += bootstrap_low(world) > 0
        now += gain("brier", edges, *answers).low > 0
        now_auc += gain("auc", edges, *answers).low > 0
    world_name = f"{rows:,} rows, {days:g} days, errors {1 + worse_by:g} to 1"
    yield Row(world_name, "before: percentiles over ten blocks", before / worlds, worlds, promise)
    yield Row(world_name, "now: Brier score", now / worlds, worlds, promise)
    yield Row(world_name, "now: AUC", now_auc / worlds, worlds, promise)


def bootstrap_low(world: TwoModels) -> float:
    """The rule before: the percentile interval of the mean difference over drawn blocks."""
    theirs, ours = (brier_losses(world.actual, p) for p in (world.theirs, world.ours))
    return percentile(draw_blocks(world.as_of_us).means(theirs - ours)).low
