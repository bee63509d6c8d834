"""Work of a few actors whose risk, and what models miss of it, changes every other day."""

from dataclasses import dataclass

import numpy as np

from runlore.kernel.durations import DAY_US

Floats = np.ndarray


@dataclass(frozen=True)
class TwoModels:
    """What came of rows in time order, and what two models answered."""

    as_of_us: np.ndarray
    actual: Floats
    ours: Floats
    theirs: Floats


def spells(
    rng: np.random.Generator,
    rows: int,
    days: float,
    *,
    worse_by: float = 0.0,
    spell_days: float = 2.0,
    actors: int = 5,
) -> TwoModels:
    """worse_by: of their errors' variance; 0: both models are equally good."""
    at = np.sort(rng.random(rows) * days)
    actor = rng.integers(0, actors, rows)
    spell = ((at + (rng.random(actors) * spell_days)[actor]) / spell_days).astype(int)
    size = actors, int(spell.max()) + 1
    risk = rng.normal(-1.2, 0.5, actors)[:, None] + rng.normal(0, 0.8, size)
    missed = rng.normal(0, 0.6, size), rng.normal(0, 0.6 * np.sqrt(1 + worse_by), size)
    logit = risk[actor, spell]
    actual = (rng.random(rows) < _share(logit)).astype(float)
    ours, theirs = (
        _share(logit + error[actor, spell] + rng.normal(0, 0.3, rows)) for error in missed
    )
    return TwoModels((at * DAY_US).astype(np.int64), actual, ours, theirs)


def _share(logit: Floats) -> Floats:
    return 1 / (1 + np.exp(-logit))
