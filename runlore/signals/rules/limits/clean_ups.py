"""When clean-ups of a growing series recur, and how much they take, as its past shows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from runlore.signals.rules.limits.growth_jumps import GrowthJumps
from runlore.signals.rules.series.grid import Floats

Rhythm = Literal["never", "by chance", "in time", "at a level"]
Rest = Literal["floor", "share", "amount"]

LEAST_RHYTHM = 3  # clean-ups that make a rhythm
EXCEPTION = 0.5  # chance that a clean-up will not recur, by itself
REGULAR = 0.4  # spread of the gaps, as a share of their mean
TRIES = 16


@dataclass(frozen=True)
class CleanUps:
    """rhythm: what starts one. rest: what is left after one, where it varies least.

    triggers: gaps in steps, or levels just before. rests: the level after, its share of the level
    before, or the amount that went. elapsed: steps since the last one.
    """

    rhythm: Rhythm
    rest: Rest
    count: int
    steps: int
    elapsed: int
    triggers: Floats
    rests: Floats

    def draw_rate(self, paths: int, rng: np.random.Generator) -> Floats:
        """Clean-ups a step, of those that come by chance."""
        if self.rhythm != "by chance":
            return np.zeros(paths)
        recurs = rng.random(paths) > EXCEPTION**self.count
        return np.asarray(rng.gamma(self.count, 1 / self.steps, paths) * recurs)

    def draw_trigger(self, paths: int, rng: np.random.Generator, least: float) -> Floats:
        """Gaps or levels that are above `least`; infinite without a rhythm."""
        if self.rhythm in {"never", "by chance"}:
            return np.full(paths, np.inf)
        drawn = _like(self.triggers, (TRIES, paths), rng)
        fits = drawn > least
        first = drawn[fits.argmax(axis=0), np.arange(paths)]
        late = least + np.abs(rng.normal(0, _spread(self.triggers), paths))
        return np.where(fits.any(axis=0), first, late)

    def draw_rest(self, before: Floats, rng: np.random.Generator) -> Floats:
        """The level after a clean-up of each of these levels."""
        drawn = _like(self.rests, before.shape, rng)
        if self.rest == "floor":
            return np.minimum(drawn, before)
        if self.rest == "share":
            return before * drawn
        return before - np.maximum(drawn, 0)


def learn_clean_ups(values: Floats, downward: GrowthJumps, slope: float) -> CleanUps:
    """downward: the clean-ups, merged. slope: usual growth a step, above 0 where there is some."""
    at, count = downward.at, len(downward.at)
    if not count:
        return CleanUps("never", "floor", 0, len(values), len(values), np.zeros(0), np.zeros(0))
    before = values[at - 1]
    after = before + downward.size
    gaps = np.diff(at).astype(float)
    rhythm, triggers = _rhythm(gaps, before, slope)
    rest, rests = _rest(before, after)
    return CleanUps(
        rhythm, rest, count, len(values), len(values) - 1 - int(at[-1]), triggers, rests
    )


def _rhythm(gaps: Floats, before: Floats, slope: float) -> tuple[Rhythm, Floats]:
    if len(before) < LEAST_RHYTHM:
        return "by chance", gaps
    mean = float(gaps.mean())
    in_time = float(gaps.std(ddof=1)) if len(gaps) > 1 else np.inf
    at_level = float(before.std(ddof=1)) / slope if slope > 0 else np.inf
    if min(in_time, at_level) > REGULAR * mean:
        return "by chance", gaps
    return ("in time", gaps) if in_time <= at_level else ("at a level", before)


def _rest(before: Floats, after: Floats) -> tuple[Rest, Floats]:
    if len(before) < 2:
        return "amount", before - after
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = after / before
    spreads: dict[Rest, float] = {
        "floor": float(after.std()),
        "amount": float((before - after).std()),
        "share": float(shares.std() * np.abs(before).mean()),
    }
    kinds: dict[Rest, Floats] = {"floor": after, "amount": before - after, "share": shares}
    best = min(spreads, key=lambda kind: spreads[kind] if np.isfinite(spreads[kind]) else np.inf)
    return best, kinds[best]


def _spread(seen: Floats) -> float:
    return float(seen.std(ddof=1)) * np.sqrt(1 + 1 / len(seen)) if len(seen) > 1 else 0.0


def _like(seen: Floats, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draws with mean and spread of what was seen, wider for few (Student's t)."""
    if len(seen) < 2:
        return np.full(shape, seen.mean() if len(seen) else 0.0)
    return np.asarray(seen.mean() + _spread(seen) * rng.standard_t(len(seen) - 1, shape))
