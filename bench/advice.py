"""Whether advice is right, on logs with known truth.

    python bench/advice.py [--worlds N]

`bench/advice_logs.py` looks at public logs.

A simulated actor starts 2,000 runs in 150 days, in sessions that share an hour, a kind and luck.
The host and the cache follow from the hour and the size of the work. Durations are heavy-tailed.

nothing: kinds and luck matter, no choice does. confounded: the hour and the size matter, too;
advice about anything else is wrong. planted: besides, one host takes failures down by some points.
Beside each stands the plain difference of means between that host and the others.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.run_log import RunLog
from runlore.advice.rules.recommendations.searching import HeldChoice, search_choices

RUNS, DAYS = 2_000, 150
START = 1_767_225_600.0  # 2026-01-01, a Thursday
KINDS, HOSTS = np.array(["backup", "build", "deploy"]), np.array(["web-1", "web-2", "web-3"])
POINTS = (0.06, 0.12, 0.18)


@dataclass(frozen=True, eq=False)
class World:
    """log: what is recorded. change: (n,) the true change of each run's risk on web-2, if moved."""

    log: RunLog
    change: np.ndarray


def make_world(seed: int, *, is_confounded: bool = False, points: float = 0.0) -> World:
    random = np.random.default_rng(seed)
    sessions = RUNS // 4
    session = np.sort(random.integers(0, sessions, RUNS))
    begin = np.sort(random.random(sessions) * DAYS) // 1 * 86_400
    hour = np.clip(random.normal(random.choice([10.0, 15.0, 21.0], sessions), 2.0), 0, 23.5)
    submitted = START + begin[session] + hour[session] * 3600 + random.random(RUNS) * 1800
    submitted = np.sort(submitted)
    hour = (submitted - START) % 86_400 / 3600
    kind = random.integers(0, 3, sessions)[session]
    size = np.exp(random.normal(2 + 0.3 * kind, 0.8))
    is_late, is_large = (hour > 17).astype(float), (size > 10).astype(float)
    lean = np.exp(np.column_stack([np.zeros(RUNS), 1.2 * is_late - 0.8 * is_large, 0.5 * is_large]))
    chance = (lean / lean.sum(axis=1, keepdims=True)).cumsum(axis=1)
    host = np.minimum((random.random(RUNS)[:, None] > chance).sum(axis=1), 2)
    cache = random.random(RUNS) < 0.3 + 0.3 * is_late
    tool = random.integers(0, 4, RUNS)
    luck = random.normal(0, 0.06, sessions)[session] + np.repeat(
        random.normal(0, 0.04, 20), RUNS // 20
    )
    risk = 0.3 + 0.05 * (kind - 1) + luck
    if is_confounded or points:
        risk = risk - 0.1 * is_late + 0.1 * is_large
    risk = np.clip(risk, 0.02, 0.95)
    moved = np.clip(risk - points, 0.01, 1)
    change = moved - risk
    risk = np.where(host == 1, moved, risk)
    failed = (random.random(RUNS) < risk).astype(float)
    pace = 4 + 0.5 * kind + random.normal(0, 0.3, sessions)[session]
    if is_confounded or points:
        pace = pace + 0.3 * np.log(size) + 0.2 * is_late
    seconds = np.exp(pace + 0.4 * random.standard_t(3, RUNS))
    log = RunLog(
        actor=np.full(RUNS, "ann", dtype=object),
        kind=KINDS[kind].astype(object),
        scope=HOSTS[host].astype(object),
        submitted_s=submitted,
        finished_s=submitted + np.minimum(seconds, 40_000),
        failed=failed,
        duration_s=np.where(failed == 1, np.nan, seconds),
        inputs=pd.DataFrame({"cache": cache, "tool": tool, "size": size}),
    )
    return World(log, change)


def naive_effect(log: RunLog, host: str = "web-2") -> tuple[float, float]:
    """The plain difference of failure rates and its standard error."""
    used = log.scope == host
    arms = log.failed[used], log.failed[~used]
    error = np.sqrt(sum(one.var() / len(one) for one in arms))
    return float(arms[0].mean() - arms[1].mean()), float(error)


def is_about_host(one: HeldChoice) -> bool:
    choice = one.choice
    return (choice.lever, choice.measure, choice.value) == ("host", "failures", "web-2")


def simulated(worlds: int) -> None:
    for name, is_confounded in (("nothing", False), ("confounded", True)):
        wrong, about, naive = 0, [], []
        for seed in range(worlds):
            log = make_world(seed, is_confounded=is_confounded).log
            held = search_choices(log, "actor").held
            bad = [one for one in held if not (is_confounded and _is_true(one))]
            wrong += bool(bad)
            about += [f"{one.choice.lever} {one.choice.measure}" for one in bad]
            effect, error = naive_effect(log)
            naive.append((abs(effect) > 1.96 * error, effect))
        rate, bias = np.mean(naive, axis=0)
        print(f"{name}: {wrong} of {worlds} actors get wrong advice ({wrong / worlds:.1%}) {about}")
        print(f"  plain difference on web-2: false in {rate:.1%}, bias {bias * 100:+.1f} points")
    for points in POINTS:
        _planted(worlds, points)


def _is_true(one: HeldChoice) -> bool:
    return one.choice.lever in {"hour", "size:size"}


def _planted(worlds: int, points: float) -> None:
    found, inside, bias, naive, covered = 0, 0, [], [], 0
    wrong = 0
    for seed in range(worlds):
        world = make_world(10_000 + seed, points=points)
        held = search_choices(world.log, "actor").held
        truth = world.change.mean()
        mine = [one for one in held if is_about_host(one)]
        others = {("host", "failures")}
        wrong += any(
            not _is_true(one) and (one.choice.lever, one.choice.measure) not in others
            for one in held
        )
        effect, error = naive_effect(world.log)
        naive.append(effect - truth)
        covered += abs(effect - truth) <= 1.96 * error
        for one in mine[:1]:
            found += 1
            inside += one.low <= truth <= one.high
            bias.append(one.effect.effect - truth)
    print(
        f"planted {points * 100:.0f} points: found {found / worlds:.1%}; inside its interval"
        f" {inside / max(found, 1):.1%}; bias {np.mean(bias or [0]) * 100:+.1f} points;"
        f" other wrong advice {wrong / worlds:.1%}"
    )
    print(
        f"  plain difference: inside {covered / worlds:.1%},"
        f" bias {np.mean(naive) * 100:+.1f} points"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    args = parser.parse_args()
    begin = time.process_time()
    simulated(args.worlds)
    print(f"{time.process_time() - begin:.0f} CPU seconds")


if __name__ == "__main__":
    main()
