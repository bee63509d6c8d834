"""An unchanged version is seldom called regressed; one that got much worse still is.

Weeks of so many outcomes of calibrated answers, each judged against the seven before it. The
share is of weeks called regressed by their AUC; with a change, of worlds called so in one of the
four weeks after it. Before, the spread was that of the seven windows alone.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from promised.row import Row
from promised.withdrawal import matched

from runlore.performance.rules import regression
from runlore.performance.rules.realised import realise
from runlore.performance.rules.regression import WindowLoss, detect

BEFORE, LEAST, WEEKS, AFTER = 7, 100, 52, 4


def week(rng: np.random.Generator, labels: int, blunter: float) -> WindowLoss:
    logit = rng.normal(-1.5, 1.2, labels)
    truth = 1 / (1 + np.exp(-(-1.5 + blunter * (logit + 1.5))))
    known = matched(1 / (1 + np.exp(-logit)), (rng.random(labels) < truth).astype(float))
    known = replace(known, as_of_us=np.sort(rng.integers(0, 10**12, labels)))
    auc = realise(known, known, is_probability=True, replicates=100).scores["auc"]
    error = regression.standard_error(auc.low, auc.high)
    return WindowLoss(regression.as_loss("auc", auc.value), labels, error)


def regressed(rule: str, points: list[WindowLoss]) -> bool:
    if rule == "now":
        return detect("auc error", points[-1], points[:-1], LEAST).answer == "regressed"
    return by_windows_alone(points)


def by_windows_alone(points: list[WindowLoss]) -> bool:
    """The newest window by the median deviation of those before it, whatever its own error."""
    before, current = np.array([p.value for p in points[:-1]]), points[-1].value
    baseline = float(np.median(before))
    deviation = regression.MAD_TO_SD * float(np.median(np.abs(before - baseline)))
    spread = max(deviation, regression.LEAST_SPREAD * baseline)
    return current > baseline * (1 + regression.WORSE_BY) and (current - baseline) / spread > 3


def run(worlds: int) -> Iterator[Row]:
    for labels in (100, 300, 1_000):
        weeks = [year(seed, labels) for seed in range(worlds // 4)]
        for rule in ("before", "now"):
            share = np.mean([regressed(rule, points) for each in weeks for points in each])
            name = f"unchanged, {labels} outcomes a week"
            yield Row(name, rule, float(share), len(weeks) * WEEKS, "0.5% (1 in 4 years)")
        for blunter, drop in ((0.0, "to chance"), (0.4, "by half")):
            fallen = [changed(seed, labels, blunter) for seed in range(worlds // 2)]
            for rule in ("before", "now"):
                share = np.mean([any(regressed(rule, p) for p in each) for each in fallen])
                name = f"AUC falls {drop}, {labels} outcomes a week"
                yield Row(name, rule, float(share), len(fallen), "regressed")


def year(seed: int, labels: int) -> list[list[WindowLoss]]:
    rng = np.random.default_rng(seed)
    points = [week(rng, labels, 1.0) for _ in range(BEFORE + WEEKS)]
    return [points[at : at + BEFORE + 1] for at in range(WEEKS)]


def changed(seed: int, labels: int, blunter: float) -> list[list[WindowLoss]]:
    rng = np.random.default_rng([seed, 1])
    points = [week(rng, labels, 1.0) for _ in range(BEFORE)]
    points += [week(rng, labels, blunter) for _ in range(AFTER)]
    return [points[at : at + BEFORE + 1] for at in range(AFTER)]
