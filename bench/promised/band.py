"""19 of 20 realised scores lie in the band of an estimate without outcomes.

The worlds of `bench/performance.py`: covariates move, the concept stays. Some of the older answers,
half as far away, have outcomes. Before, the band was of outcomes drawn from the answers as they
are. The share is of realised AUC, Brier score and log loss outside of their bands, of estimates
that stand; those of one world are not independent, so the Monte-Carlo error is of worlds.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from performance import SHIFTS, World, durations
from promised.row import Row
from promised.withdrawal import matched

from runlore.models import scores
from runlore.performance.rules import direct, trust
from runlore.performance.rules.estimated import ESTIMATED, estimate
from runlore.performance.rules.recalibration import doubt

DRAWS = 100


def outside(p: np.ndarray, y: np.ndarray, calibration_doubt) -> float:
    bands = estimate(p, calibration_doubt, draws=DRAWS)
    came = {score: scores.measure(score, y, p) for score in ESTIMATED}
    return float(np.mean([not bands[s].low <= came[s] <= bands[s].high for s in ESTIMATED]))


def run(worlds: int) -> Iterator[Row]:
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(worlds):
        world = World(seed)
        for size in (0.0, *SHIFTS):
            by = world.direction(size)
            past, now = world.draw(2_000, by / 2), world.draw(10_000, by)
            known = matched(world.predict(past), world.outcomes(past))
            p, y = world.predict(now), world.outcomes(now)
            for labels in (100, 500, 2_000):
                newest = known.take(slice(-labels, None))
                if trust.is_calibrated(newest, p).holds is False:
                    continue
                for answers in (1_000, 10_000):
                    name = f"shift {size}, {labels} outcomes, {answers} answers"
                    part = p[:answers], y[:answers]
                    seen[name, "before"].append(outside(*part, None))
                    seen[name, "now"].append(outside(*part, doubt(newest)))
    for (name, rule), shares in sorted(seen.items()):
        yield Row(name, rule, float(np.mean(shares)), len(shares), "5% at most")
    yield from quantities(worlds)


def quantities(worlds: int) -> Iterator[Row]:
    """Durations of which 30 % are hard to predict, and then 5, 60 or 90 %."""
    for labels in (600, 4_000):
        for hard in (0.05, 0.3, 0.6, 0.9):
            seen = []
            for seed in range(worlds):
                now = durations(seed + 5_000, 5_000, hard)
                found = direct.estimate(durations(seed, labels, 0.3), now).scores
                if found:
                    came, band = scores.measure("mae", now.actual, now.prediction), found["mae"]
                    seen.append(not band.low <= came <= band.high)
            name = f"durations, {hard:.0%} hard, {labels} outcomes"
            yield Row(name, "now", float(np.mean(seen)), len(seen), "5% at most")
