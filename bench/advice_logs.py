"""Advice on public logs: the strongest of each, and whether the first half's holds in the second.

    python bench/advice_logs.py FOLDER [--subjects N]

FOLDER: shared data, with hpc/ and ci/. A subject is a user of a cluster, or the whole project. The
ten strongest come from the whole log. Then only the first half of each subject is searched. What
holds there is compared like with like in its second half, which the search has not seen.
"""

import argparse
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.adjusting import read_covariates
from runlore.advice.rules.recommendations.confirming import (
    adjusted_effect,
    finest_strata,
    like_strata,
)
from runlore.advice.rules.recommendations.levers import uses_value
from runlore.advice.rules.recommendations.like_with_like import ArmEffect, time_blocks
from runlore.advice.rules.recommendations.run_log import RunLog, log_durations
from runlore.advice.rules.recommendations.searching import (
    LEAST_ARM,
    LEAST_RUNS,
    MOST_BLOCKS,
    MOST_RUNS,
    HeldChoice,
    search_choices,
)

FIELDS = 18
CLUSTERS = {"CTC": "CTC-SP2-1996-3.1-cln.swf.gz", "SDSC-BLUE": "SDSC-BLUE-2000-4.2-cln.swf.gz"}


def cluster_log(path: Path) -> RunLog:
    """Jobs that ran. Cancelled ones count as failed where a log has no other failures."""
    with gzip.open(path, "rt") as file:
        begin = next(int(line.split(":")[1]) for line in file if "UnixStartTime" in line)
    jobs = pd.read_csv(path, sep=r"\s+", comment=";", header=None).to_numpy(dtype=np.float64)
    jobs = jobs[(jobs[:, 3] > 0) & np.isin(jobs[:, 10], (0, 1, 5))]
    jobs = jobs[np.argsort(jobs[:, 1], kind="stable")]
    submitted = begin + jobs[:, 1]
    failed = (jobs[:, 10] != 1).astype(np.float64)
    queue = np.array([f"queue {int(one)}" for one in jobs[:, 14]], dtype=object)
    processors = np.where(jobs[:, 7] > 0, jobs[:, 7], jobs[:, 4])
    inputs = pd.DataFrame({"processors": processors, "requested_time_s": jobs[:, 8]})
    return RunLog(
        actor=np.array([f"user {int(one)}" for one in jobs[:, 11]], dtype=object),
        kind=np.array([f"program {int(one)}" for one in jobs[:, 13]], dtype=object),
        scope=queue,
        submitted_s=submitted,
        finished_s=submitted + np.maximum(jobs[:, 2], 0) + jobs[:, 3],
        failed=failed,
        duration_s=np.where(failed == 1, np.nan, jobs[:, 3]),
        inputs=inputs.where(inputs > 0),
    )


def builds_log(path: Path) -> RunLog:
    frame = pd.read_csv(path)
    frame["at"] = pd.to_datetime(frame["gh_build_started_at"])
    frame = frame.sort_values("at", kind="stable").reset_index(drop=True)
    submitted = frame["at"].astype("int64").to_numpy() / (
        1e9 if frame["at"].dtype == "datetime64[ns]" else 1e6
    )
    rows = len(frame)
    names = ("build_Failed", "gh_build_started_at", "tr_build_id", "at")
    return RunLog(
        actor=np.full(rows, "rails", dtype=object),
        kind=np.full(rows, "build", dtype=object),
        scope=np.full(rows, "ci", dtype=object),
        submitted_s=submitted,
        finished_s=submitted + 600,
        failed=frame["build_Failed"].to_numpy(dtype=np.float64),
        duration_s=np.full(rows, np.nan),
        inputs=frame.drop(columns=list(names)),
    )


def subjects(log: RunLog, most: int) -> Iterator[tuple[str, RunLog]]:
    names, counts = np.unique(log.actor.astype(str), return_counts=True)
    for at in np.argsort(-counts, kind="stable")[:most]:
        if counts[at] >= 2 * LEAST_RUNS:
            rows = np.flatnonzero(log.actor == names[at])[-MOST_RUNS:]
            yield str(names[at]), log.take(rows)


def check(log: RunLog, held: HeldChoice) -> ArmEffect:
    """The same comparison, in the second half of the log."""
    choice, late = held.choice, np.arange(len(log) // 2, len(log))
    used = uses_value(log, choice.lever, choice.value, held.edges or ())
    used = np.where((log.kind == choice.kind) | (choice.kind == ""), used, np.nan)
    outcome = log.failed if choice.measure == "failures" else log_durations(log)
    early = np.arange(len(log) // 2)
    codes = np.where(np.isfinite(used), used, -1).astype(np.int64)
    strata = finest_strata(like_strata(log, early), choice.lever, codes, late)
    blocks = np.zeros(len(log), dtype=np.int64)
    blocks[late] = time_blocks(log.submitted_s[late], MOST_BLOCKS)
    known = read_covariates(log, early).without(choice.lever)
    return adjusted_effect(outcome, used, late, (strata, blocks), known)[0]


def describe(name: str, held: HeldChoice) -> str:
    choice, effect = held.choice, held.effect
    verb = "use" if choice.is_better else "avoid"
    return (
        f"{name} {choice.kind or 'all'}: {verb} {choice.lever} = {choice.value} ({choice.measure})"
        f" {effect.effect:+.3f} [{held.low:+.3f}, {held.high:+.3f}], base {effect.base:.3f},"
        f" plain {held.plain:+.3f}, {effect.used:.0f} beside {effect.other:.0f}"
    )


def judge(name: str, log: RunLog, most: int) -> None:
    begin = time.process_time()
    strongest, first, searched, slowest = [], [], 0, 0.0
    for subject, own in subjects(log, most):
        start = time.process_time()
        found = search_choices(own, "actor")
        slowest = max(slowest, time.process_time() - start)
        searched += 1
        strongest += [(abs(one.effect.z()), subject, one) for one in found.held]
        early = search_choices(own.take(np.arange(len(own) // 2)), "actor")
        first += [(subject, one, check(own, one)) for one in early.held]
    strongest.sort(key=lambda one: -one[0])
    advised = len({subject for _, subject, _ in strongest})
    print(f"\n{name}: {len(log)} runs, {searched} subjects, {advised} with advice")
    for _, subject, one in strongest[:10]:
        print("  ", describe(subject, one))
    judged = [
        (subject, one, later)
        for subject, one, later in first
        if min(later.used, later.other) >= LEAST_ARM and np.isfinite(later.error)
    ]
    same = [later.effect * one.effect.effect > 0 for _, one, later in judged]
    sure = [sign and later.p() < 0.05 for (_, _, later), sign in zip(judged, same, strict=True)]
    print(
        f"  first half: {len(first)} pieces of advice; {len(judged)} can be compared in the second:"
        f" {sum(same)} keep their direction, {sum(sure)} significantly at 5 %"
    )
    for subject, one, later in judged:
        print("    ", describe(subject, one), f"-> later {later.effect:+.3f} ± {later.error:.3f}")
    print(f"  {time.process_time() - begin:.0f} CPU s; slowest search {slowest:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", type=int, default=60)
    args = parser.parse_args()
    judge("rails", builds_log(args.folder / "ci" / "rails.csv.gz"), 1)
    for name, file in CLUSTERS.items():
        judge(name, cluster_log(args.folder / "hpc" / file), args.subjects)


if __name__ == "__main__":
    main()
