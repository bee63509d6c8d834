"""Scores before all labels are there: how wrong are they, and does an estimate know when it is?

    python bench/performance.py
    python bench/performance.py --seeds 40

Four measurements on generated answers whose truth is known:

1. `performance.censoring`: a log in which long work fails more often is replayed; at 30 instants
   the failure rate and mean duration of the last week are told from what is known by then, by
   dropping what has no label and by ours. The ratio is their mean bias over ours.
2. `performance.estimate`: the AUC estimated without labels under covariate shift, beside the AUC
   that the labels then give.
3. `performance.withdrawal`: the share of planted concept drifts in which the estimate is
   withdrawn, beside the share of mere covariate shifts in which it is. The newest 2,000 labels
   are from after the drift; a line of its own tells what half of them is enough for.
4. `performance.direct`: the mean absolute error of quantities estimated without labels when more of
   the work is hard to tell, beside the one that the labels then give; how often it is withdrawn
   when errors stay, and when they double.
"""

import argparse
import json

import numpy as np

from runlore.kernel.threads import calm_threads
from runlore.models import calibration, scores
from runlore.performance.rules import direct, feature_support, maturity, trust
from runlore.performance.rules.estimated import expect
from runlore.performance.rules.maturity import MatchedPredictions

DAY_S = 86_400.0
WINDOW_S = 7 * DAY_S
INSTANTS = 30
FEATURES = 5
WINDOW = 10_000
LABELS = 2_000
SHIFTS = (0.3, 0.6, 0.9)


def log_of_long_failures(seed: int, days: int = 60, a_day: int = 400) -> tuple[np.ndarray, ...]:
    """Submission, duration and failure: medians of 3 h, a twentieth over 2 days; long ones fail."""
    rng = np.random.default_rng(seed)
    n = days * a_day
    submitted = np.sort(rng.uniform(0, days * DAY_S, n))
    duration = rng.lognormal(np.log(3 * 3600), 1.6, n)
    risk = 1 / (1 + np.exp(-(-2.5 + 0.9 * (np.log(duration) - np.log(3 * 3600)))))
    return submitted, duration, (rng.random(n) < risk).astype(float)


def answered(submitted, duration, actual, at: float, first: float) -> MatchedPredictions:
    """What is known at an instant of the answers given since another."""
    inside = (submitted > first) & (submitted <= at)
    age, delay = at - submitted[inside], duration[inside]
    known = delay <= age
    nothing = np.full(inside.sum(), np.nan)
    return MatchedPredictions(
        (submitted[inside] * 1e6).astype(np.int64),
        np.full(inside.sum(), 0.5),
        np.where(known, actual[inside], np.nan),
        nothing,
        nothing,
        age,
        np.where(known, delay, np.nan),
    )


def censoring(seeds: int) -> dict[str, tuple[float, ...]]:
    """Mean bias of dropping, of weighting and of ours, as a share of the truth."""
    errors: dict[str, list[tuple[float, ...]]] = {"failure rate": [], "mean duration": []}
    for seed in range(seeds):
        submitted, duration, failed = log_of_long_failures(seed)
        for at in np.linspace(14 * DAY_S, 59 * DAY_S, INSTANTS):
            inside = (submitted > at - WINDOW_S) & (submitted <= at)
            for name, value in (("failure rate", failed), ("mean duration", duration)):
                seen = answered(submitted, duration, value, at, at - WINDOW_S)
                pool = answered(submitted, duration, value, at, 0.0)
                known = seen.is_known
                truth = value[inside].mean()
                dropped = seen.actual[known].mean() / truth - 1
                ours = maturity.completed_mean(seen, pool) / truth - 1
                weight = maturity.weights(seen)[known]
                weighted = np.average(seen.actual[known], weights=weight) / truth - 1
                errors[name].append((dropped, weighted, ours))
    return {name: tuple(np.abs(np.mean(each, axis=0))) for name, each in errors.items()}


class World:
    """Features, a model fitted on them, and its calibration, all by the product's own maps."""

    def __init__(self, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.rng = np.random.default_rng(seed)
        self.slopes = self.rng.normal(0, 1, FEATURES)
        self.pairs = self.rng.normal(0, 0.5, (FEATURES, FEATURES))
        x = self.draw(40_000)
        y = self.outcomes(x)
        self.model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15)
        self.model.fit(x[:25_000], y[:25_000])
        raw = self.model.predict_proba(x[25_000:])[:, 1]
        self.map = calibration.fit(raw, y[25_000:], np.ones(len(raw))).calibration
        self.taught = x[:20_000].astype(np.float32)

    def draw(self, n: int, shift: np.ndarray | float = 0.0) -> np.ndarray:
        return self.rng.normal(0, 1, (n, FEATURES)) + shift

    def logits(self, x: np.ndarray) -> np.ndarray:
        return -1.5 + x @ self.slopes + np.einsum("ij,jk,ik->i", x, self.pairs, x) * 0.5

    def outcomes(self, x: np.ndarray, logits: np.ndarray | None = None) -> np.ndarray:
        told = self.logits(x) if logits is None else logits
        return (self.rng.random(len(x)) < 1 / (1 + np.exp(-told))).astype(float)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.map(self.model.predict_proba(x)[:, 1])

    def direction(self, size: float) -> np.ndarray:
        towards = self.rng.normal(0, 1, FEATURES)
        return size * towards / np.linalg.norm(towards)

    def drifted(self, x: np.ndarray, kind: str) -> np.ndarray:
        """Log-odds of a new concept."""
        told = self.logits(x)
        if kind == "base rate":
            return told + 1.0
        if kind == "a feature turned":
            worst = int(np.argmax(np.abs(self.slopes)))
            return told - 2 * self.slopes[worst] * x[:, worst]
        if kind == "half is noise":
            return np.where(x[:, 0] > 0, told.mean(), told)
        return 0.4 * told  # "blunter"


HALF = "half of the labels older than the drift"
CONCEPTS = ("base rate", "a feature turned", "half is noise", "blunter")


def verdict(world: World, labelled: np.ndarray, y: np.ndarray, now: np.ndarray) -> bool:
    """Whether the estimate for `now` stands, by the newest known outcomes and the support."""
    p = world.predict(labelled)
    n = len(p)
    nothing, old = np.full(n, np.nan), np.full(n, 9 * DAY_S)
    known = MatchedPredictions(np.arange(n), p, y, nothing, nothing, old, np.full(n, 3600.0))
    tests = (
        trust.is_calibrated(known, world.predict(now)),
        feature_support.is_supported(now.astype(np.float32), world.taught, list("abcde")),
    )
    return all(test.holds is not False for test in tests)


def estimates(seeds: int) -> tuple[list[float], list[float], dict[str, list[bool]]]:
    """Errors of all estimates under covariate shift, of those that stand, and who stands."""
    every, standing = [], []
    stands: dict[str, list[bool]] = {}
    for seed in range(seeds):
        world = World(seed)
        for size in SHIFTS:
            by = world.direction(size)
            now, past = world.draw(WINDOW, by), world.draw(LABELS, by / 2)
            p, y = world.predict(now), world.outcomes(now)
            error = abs(expect(p)["auc"] - scores.auc(y, p))
            holds = verdict(world, past, world.outcomes(past), now)
            every.append(error)
            standing += [error] if holds else []
            stands.setdefault("covariate shift", []).append(holds)
        for kind in CONCEPTS:
            now, past = world.draw(WINDOW), world.draw(LABELS)
            y = world.outcomes(past, world.drifted(past, kind))
            stands.setdefault(kind, []).append(verdict(world, past, y, now))
            half = LABELS // 2
            older = np.concatenate([world.outcomes(past[:half]), y[half:]])
            stands.setdefault(HALF, []).append(verdict(world, past, older, now))
    return every, standing, stands


def durations(seed: int, n: int, hard: float, noise: float = 1.0) -> MatchedPredictions:
    """Work of which a part is hard to tell, as its intervals say; all outcomes are known."""
    rng = np.random.default_rng(seed)
    said = rng.lognormal(np.log(3600), 0.5, n)
    sigma = np.where(rng.random(n) < hard, 0.8, 0.1)
    came = said * np.exp(noise * sigma * rng.normal(size=n))
    low, high = (said * np.exp(way * sigma) for way in (-1.64, 1.64))
    at, age, delay = np.arange(n), np.full(n, 9 * DAY_S), np.full(n, 60.0)
    return MatchedPredictions(at, said, came, low, high, age, delay)


def quantities(seeds: int) -> tuple[list[float], dict[str, list[bool]]]:
    """Relative errors of estimates when hard work goes from 30 % to 5, 60 or 90 %; who stands."""
    errors, stands = [], {"errors stay": [], "errors double": []}
    for seed in range(seeds):
        before = durations(seed, LABELS * 2, 0.3)
        for place, hard in enumerate((0.05, 0.6, 0.9)):
            now = durations(seed * 10 + place + 10_000, WINDOW, hard)
            found = direct.estimate(before, now)
            stands["errors stay"].append(found.errors.holds is not False)
            if found.scores:
                came = scores.measure("mae", now.actual, now.prediction)
                errors.append(abs(found.scores["mae"].value / came - 1))
        doubled = durations(seed + 20_000, LABELS, 0.3, 2.0)
        both = (np.r_[getattr(before, each), getattr(doubled, each)] for each in vars(before))
        stands["errors double"].append(
            direct.estimate(MatchedPredictions(*both), now).errors.holds is not False
        )
    return errors, stands


def told(bench: str, ours: float, theirs: dict[str, float], unit: str, **more: object) -> None:
    (other,) = theirs.values()
    is_ratio = ours and bench in ("performance.censoring", "performance.estimate")
    ratio = round(other / ours, 2) if is_ratio else None
    line = {"bench": bench, "ours": round(ours, 4), "theirs": theirs, "ratio": ratio, "unit": unit}
    print(json.dumps(line | more))


def tell_quantities(seeds: int) -> None:
    errors, standing_quantities = quantities(seeds)
    withdrawn = {name: 1 - float(np.mean(each)) for name, each in standing_quantities.items()}
    told(
        "performance.direct",
        float(np.mean(errors)),
        {"withdrawn when errors double": round(withdrawn["errors double"], 3)},
        "mean |estimated MAE / realised MAE - 1| when more, or less, of the work is hard to tell",
        largest=round(max(errors), 4),
        withdrawn_when_errors_stay=round(withdrawn["errors stay"], 3),
    )


def main() -> None:
    calm_threads()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("only", nargs="?", help="performance.NAME; the rest is run all the same")
    seeds = parser.parse_args().seeds
    for name, (dropped, weighted, ours) in censoring(max(seeds // 4, 1)).items():
        told(
            "performance.censoring",
            float(ours),
            {"drop what has no label": round(float(dropped), 4)},
            f"bias of the {name} of the last week, as a share of the truth",
            weighted_inside_the_week_alone=round(float(weighted), 4),
        )
    every, standing, stands = estimates(seeds)
    told(
        "performance.estimate",
        float(np.mean(standing)),
        {"never withdrawn": round(float(np.mean(every)), 4)},
        "mean |estimated AUC - realised AUC| under covariate shift",
        largest=round(float(max(standing)), 4),
        within_002=round(float((np.array(standing) <= 0.02).mean()), 3),
        estimates=len(standing),
    )
    drifts = [not holds for kind in CONCEPTS for holds in stands[kind]]
    shifts = [not holds for holds in stands["covariate shift"]]
    told(
        "performance.withdrawal",
        float(np.mean(drifts)),
        {"covariate shift, no drift": round(float(np.mean(shifts)), 3)},
        f"share withdrawn, of {len(drifts)} concept drifts and {len(shifts)} shifts",
        by_kind={kind: round(1 - float(np.mean(stands[kind])), 3) for kind in (*CONCEPTS, HALF)},
    )
    tell_quantities(seeds)


if __name__ == "__main__":
    main()
