"""The promise of 15 % on two batch job logs, from what was known before each job.

    python bench/estimate_promise.py FOLDER [--only NAME] [--at started] [--until SHARE]

FOLDER holds logs in Standard Workload Format (`*.swf.gz`). All jobs that ran count, whatever became
of them. From 55 % of the log on, models are learned anew for each 5 %, from outcomes known by then;
what is promised follows from the answers to earlier windows. The last 30 % are measured: an object
a line for each log.

The trivial rule promises the median of the last 3 to 10 like jobs (user, executable, requested
time, processors) if 90 % of these lie within 15 % of it.
"""

import argparse
import gzip
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from runlore.planning.rules.promise import WITHIN
from runlore.planning.rules.promises.like_tasks import GrainIndex
from runlore.planning.rules.promises.scores import score_track
from runlore.planning.rules.promises.task_log import CodedTasks, FieldCodes, build_log
from runlore.planning.rules.promises.track import PromiseTrack, follow, groups_of
from runlore.planning.rules.promises.walk_forward import answer_windows
from runlore.records.formats import swf

BEGIN, TESTED, WINDOW = 0.55, 0.7, 0.05
TRIVIAL = ("actor", "kind", "inputs.requested_time_s", "inputs.processors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--until", type=float, default=1.0, help="leave out the end of the log")
    parser.add_argument("--at", choices=["submitted", "started"], default="submitted")
    parser.add_argument("--keep", type=Path, help="write the answers to this .npz file")
    said = parser.parse_args()
    for path in sorted(said.folder.glob("*.swf.gz")):
        if said.only.lower() in path.name.lower():
            measure(path, said.at, said.until, said.keep)


def measure(path: Path, at: str, until: float, keep: Path | None) -> None:
    jobs = read_jobs(path, at)
    jobs = jobs.iloc[: round(until * len(jobs))]
    codes, log = jobs_as_log(jobs, at)
    began, count = time.process_time(), len(log)
    windows = round((1 - BEGIN) / WINDOW)
    begin = round(BEGIN * count)
    answers, likeness = answer_windows(log, begin, windows, say)
    groups = groups_of(log, likeness.grains[-1])
    track, _ = follow(log, answers, groups, begin, windows)
    if keep is not None:
        np.savez(keep, **vars(answers), groups=groups, **vars(log), begin=begin)
    tested = track.part(track.at >= round(TESTED * count))
    result = {
        "log": path.name,
        "estimated_when": at,
        "jobs": count,
        "grains": [[codes.names[field] for field in grain] for grain in likeness.grains],
        **asdict(score_track(tested)),
        "trivial": trivial_rule(codes, log, tested),
        "cpu_s": round(time.process_time() - began),
    }
    print(json.dumps(result), flush=True)


def read_jobs(path: Path, at: str) -> pd.DataFrame:
    """Jobs that ran, in the order in which they were estimated."""
    data = gzip.decompress(path.read_bytes())
    layout = swf.layout(data[:20_000], "bench", None)
    jobs = layout.parse(data, 1).records.to_pandas()
    ran = jobs["started"].notna() & (jobs["finished"] > jobs["started"])
    return jobs[ran].sort_values(at, kind="stable").reset_index(drop=True)


def jobs_as_log(jobs: pd.DataFrame, at: str) -> tuple[FieldCodes, CodedTasks]:
    inputs = map(json.loads, jobs["inputs"])
    tasks = [
        {"kind": kind, "actor": actor, "scope": scope}
        | {f"inputs.{name}": value for name, value in values.items()}
        for kind, actor, scope, values in zip(
            jobs["kind"], jobs["actor"], jobs["scope"], inputs, strict=True
        )
    ]
    amounts = (jobs["finished"] - jobs["started"]).to_numpy(dtype=np.float64) / 1e6
    submitted, known = jobs[at].to_numpy(), jobs["known_at"].to_numpy()
    return build_log(tasks, amounts, submitted.astype(np.int64), known.astype(np.int64))


def trivial_rule(codes: FieldCodes, log: CodedTasks, tested: PromiseTrack) -> dict[str, Any]:
    grain = tuple(codes.names.index(name) for name in TRIVIAL if name in codes.names)
    last = np.exp(GrainIndex(grain, log).look_up(log.part(tested.at), k=10).values)
    known = (~np.isnan(last)).sum(axis=1)
    middle = pd.DataFrame(last).median(axis=1).to_numpy()
    near = (np.abs(last - middle[:, None]) <= WITHIN * middle[:, None]).sum(axis=1)
    is_made = (known >= 3) & (near >= 0.9 * known)
    truth = np.exp(tested.truth)
    kept = np.abs(truth - middle)[is_made] <= WITHIN * truth[is_made]
    return {"share": float(is_made.mean()), "kept": float(kept.mean())}


def say(done: int, windows: int) -> None:
    print(f"{done} of {windows} windows", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
