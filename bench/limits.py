"""Limits of time from the model's quantiles, replayed on public batch logs: writes a page.

    python bench/limits.py FOLDER-WITH-SWF-LOGS PAGE.md

The first 70 % of each log by submission teach the spec `duration`, the last 30 % are replayed.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from runlore.kernel.durations import HOUR_S
from runlore.kernel.instants import now
from runlore.kernel.threads import calm_threads
from runlore.look.actions.learning import Learned, learn, past_runs, requested
from runlore.look.actions.reading import LogChoice, read_log_file
from runlore.performance.rules.limit_replay import (
    LimitedRuns,
    LimitReplay,
    largest_of_last,
    replay_limit,
)
from runlore.specs.catalog import duration
from runlore.training.rules.trained import CHECKED_LEVELS

REQUEST, LAST_TEN = "the user's request", "the longest of the user's last ten runs + 15 %"
REPLAYED = (0.9, 0.95, 0.99)
HEAD = """# What limits from quantiles save

Reproduce this page with `python bench/limits.py FOLDER PAGE.md`. FOLDER has logs of the Parallel
Workloads Archive in the Standard Workload Format.

The first 70 % of each log by submission teach the spec `duration`. The last 30 % are replayed: each
run gets its limit from what was known when it was submitted.

## Do the quantiles hold?

The share of the future runs that took no longer than the quantile, at each level.

| log | runs | candidate | {levels} | within 2 points |
|---|---|---|{rules}|---|
"""
POLICIES = """
## What would limits have saved, and whom would they have killed?

No limit is above what the user requested. `killed` counts completed runs that the limit would
have ended and the request did not. Each is paid for twice: its limit, and then its whole request.
`saved` is the share of the requested processor hours that is left.

| log | limit | runs | saved | killed of completed runs (95 % interval) |
|---|---|---|---|---|
"""


def main() -> None:
    calm_threads()
    folder, page = Path(sys.argv[1]), Path(sys.argv[2])
    coverage, policies = [], []
    for log in sorted(folder.glob("*.swf.gz")):
        name = log.name.split("-1996")[0].split("-2000")[0].removesuffix("-SP2")
        began = time.perf_counter()
        read = read_log_file(LogChoice(log), now())
        learned = learn(read.log, duration.SPEC, lambda text: print(text, file=sys.stderr))
        held = covered(learned)
        coverage.append(coverage_line(name, learned, held))
        replays = replayed(learned)
        policies += [policy_line(name, policy, replay) for policy, replay in replays.items()]
        figures = {
            policy: {
                "saved": round(replay.saved_share, 4),
                "killed": round(replay.killed_share, 5),
                "requested_hours": round(replay.requested / HOUR_S),
            }
            for policy, replay in replays.items()
        }
        seconds = round(time.perf_counter() - began)
        line = {"log": name, "coverage": held, "limits": figures, "seconds": seconds}
        print(json.dumps(line), flush=True)
    levels = " | ".join(f"{level:g}" for level in CHECKED_LEVELS)
    head = HEAD.format(levels=levels, rules="|".join("---" for _ in CHECKED_LEVELS))
    page.write_text(head + "\n".join(coverage) + "\n" + POLICIES + "\n".join(policies) + "\n")


def covered(learned: Learned) -> dict[str, float]:
    """By level, the share of test runs that the quantile holds."""
    test = learned.trained.test
    assert test.quantiles is not None
    shares = (test.target[:, None] <= test.quantiles).mean(axis=0)
    return {
        f"{level:g}": round(float(share), 4)
        for level, share in zip(CHECKED_LEVELS, shares, strict=True)
    }


def replayed(learned: Learned) -> dict[str, LimitReplay]:
    """What each policy would have done to the test runs."""
    log, tested, test = learned.log, learned.tested, learned.trained.test
    past, request = past_runs(log, "duration_s"), requested(log, ("requested_time_s",))
    processors = requested(log, ("processors",))
    assert request is not None
    assert processors is not None
    status = log.facts["status"].to_numpy(dtype=object)[log.events.final[tested]]
    runs = LimitedRuns(
        past.needed[tested],
        request[tested],
        status == "succeeded",
        np.nan_to_num(processors[tested], nan=1.0),
    )
    limits = {REQUEST: request[tested], LAST_TEN: largest_of_last(past)[tested]}
    for level in REPLAYED:
        limits[f"the {level:.0%} quantile"] = test.quantiles[:, CHECKED_LEVELS.index(level)]
    return {name: replay_limit(runs, limit) for name, limit in limits.items()}


def coverage_line(name: str, learned: Learned, held: dict[str, float]) -> str:
    apart = max(abs(share - float(level)) for level, share in held.items())
    cells = [name, f"{len(learned.tested):,}", learned.trained.kind]
    cells += [f"{share:.3f}" for share in held.values()]
    return f"| {' | '.join([*cells, 'yes' if apart <= 0.02 else '**no**'])} |"


def policy_line(name: str, policy: str, replay: LimitReplay) -> str:
    low, high = replay.killed_interval.low, replay.killed_interval.high
    killed = f"{replay.killed_share:.2%} ({low:.2%} to {high:.2%}), {replay.killed:,} runs"
    cells = (name, policy, f"{replay.runs:,}", f"{replay.saved_share:.1%}", killed)
    return f"| {' | '.join(cells).replace(' %', '%').replace('%', ' %')} |"


if __name__ == "__main__":
    main()
