"""No number instead of a wrong one: an estimate is withdrawn when outcomes say so.

The worlds of `bench/performance.py`: a model of five features, its newest 2,000 outcomes, and
10,000 newer answers. Only a part of the outcomes is from after the change. Before, all 2,000
were tested together at 1 %.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from performance import CONCEPTS, LABELS, WINDOW, World
from promised.row import Row

from runlore.models import scores
from runlore.performance.rules import trust
from runlore.performance.rules.estimated import expect
from runlore.performance.rules.maturity import MatchedPredictions

WRONG_BY = 0.05  # of AUC
PARTS = (0.125, 0.25, 1.0)  # of the newest outcomes that are from after a change
AGE_S = 1e6


def matched(p: np.ndarray, y: np.ndarray) -> MatchedPredictions:
    nothing, n = np.full(len(p), np.nan), len(p)
    return MatchedPredictions(
        np.arange(n), p, y, nothing, nothing, np.full(n, AGE_S), np.full(n, 60.0)
    )


def before(known: MatchedPredictions, current: np.ndarray) -> bool:
    return trust.look(known, np.ones(len(known)), current).is_off(trust.ALPHA)


def now(known: MatchedPredictions, current: np.ndarray) -> bool:
    return trust.is_calibrated(known, current).holds is False


RULES = {"before": before, "now": now}
Seen = dict[tuple[str, str], list[bool]]


def tried(world: World, withdrawn: Seen, wrong: Seen) -> None:
    past, current = world.draw(LABELS), world.draw(WINDOW)
    p, p_now, as_before = world.predict(past), world.predict(current), world.outcomes(past)
    for kind in CONCEPTS:
        after = world.outcomes(past, world.drifted(past, kind))
        came = world.outcomes(current, world.drifted(current, kind))
        apart = abs(scores.auc(came, p_now) - expect(p_now)["auc"])
        for part in PARTS:
            older = int(LABELS * (1 - part))
            known = matched(p, np.r_[as_before[:older], after[older:]])
            for rule, is_off in RULES.items():
                is_withdrawn = is_off(known, p_now)
                name = f"{kind}, {part:.1%} of the outcomes from after it"
                withdrawn[name, rule].append(is_withdrawn)
                wrong[name, rule].append(not is_withdrawn and apart > WRONG_BY)
    by = world.direction(0.6)
    shifted, later = world.draw(LABELS, by / 2), world.predict(world.draw(WINDOW, by))
    quiet = {
        "no change": (matched(p, as_before), p_now),
        "mere covariate shift": (matched(world.predict(shifted), world.outcomes(shifted)), later),
    }
    for name, (known, answers) in quiet.items():
        for rule, is_off in RULES.items():
            withdrawn[name, rule].append(is_off(known, answers))


def spells(seed: int, length: int) -> tuple[MatchedPredictions, np.ndarray]:
    """Calibrated answers to work whose failures come in spells of so many executions."""
    rng = np.random.default_rng(seed)
    common, z = np.repeat(rng.normal(0, 0.7, LABELS // length), length), rng.normal(-1, 1, WINDOW)
    places, grid = np.linspace(-6, 6, 200), np.random.default_rng(0).normal(0, 0.7, 500)
    mean = (1 / (1 + np.exp(-(places[:, None] + grid)))).mean(axis=1)
    p, n = np.interp(z, places, mean), len(common)
    y = (rng.random(n) < 1 / (1 + np.exp(-(z[:n] + common)))).astype(float)
    return matched(p[:n], y), p[n:]


def run(worlds: int) -> Iterator[Row]:
    withdrawn: Seen = defaultdict(list)
    wrong: Seen = defaultdict(list)
    for seed in range(worlds):
        tried(World(seed), withdrawn, wrong)
        for length in (10, 40):
            known, current = spells(seed, length)
            for rule, is_off in RULES.items():
                name = f"no change, failures in spells of {length}"
                withdrawn[name, rule].append(is_off(known, current))
    for (name, rule), seen in withdrawn.items():
        promise = "1 in 20" if name.startswith(("no change", "mere")) else "withdrawn"
        yield Row(name, rule, float(np.mean(seen)), worlds, promise)
    for (name, rule), seen in wrong.items():
        if not name.startswith("a feature turned"):
            continue
        yield Row(f"{name}: AUC wrong by .05", rule, float(np.mean(seen)), worlds, "never")
