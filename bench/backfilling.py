"""EASY backfilling replayed on logs of parallel machines, beside published figures.

    python bench/backfilling.py FOLDER [--only NAME]

FOLDER holds logs of the Parallel Workloads Archive as *.swf.gz. One JSON object per line: of a log,
of each policy, of each number of slots. The quantile of like jobs is chosen on the first 70 % of
the jobs; `later` is measured on the last 30 %, of a replay of the whole log.

Published: data of the experiments of Gaussier, Glesser, Reis, Trystram, "Improving backfilling by
using machine learning to predict running times", SC 2015 (their repository predictsim,
`metrics_complete`, column avgbsld): mean bounded slowdown over the whole log, threshold 10 s.
"""

import argparse
import gzip
import json
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from runlore.planning.rules.backfilling.comparison import Comparison, compare_policies, replay_slots
from runlore.planning.rules.backfilling.waiting import measure_gain, slowdowns
from runlore.planning.rules.backfilling.workload import Workload

MORE_SLOTS = (0.9, 1.1, 1.2)
SUBMITTED, RAN, ALLOCATED, REQUESTED, LIMIT, USER = 1, 3, 4, 7, 8, 11

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "CTC-SP2-1996-3.1-cln": {
        "EASY": 49.571,
        "EASY last two": 64.647,
        "EASY last two, corrected": 35.324,
        "SJBF": 30.041,
        "EASY++": 85.767,
        "SJBF last two, corrected": 26.534,
        "EASY exact": 37.165,
        "SJBF exact": 17.572,
    },
    "SDSC-BLUE-2000-4.2-cln": {
        "EASY": 36.523,
        "EASY last two": 33.548,
        "EASY last two, corrected": 26.584,
        "SJBF": 19.826,
        "EASY++": 20.986,
        "SJBF last two, corrected": 16.827,
        "EASY exact": 30.621,
        "SJBF exact": 13.178,
    },
}


@dataclass(frozen=True)
class ArchiveLog:
    name: str
    slots: int
    jobs: Workload
    left_out: Mapping[str, int]


def read_log(path: Path) -> ArchiveLog:
    with gzip.open(path, "rt", encoding="latin-1") as lines:
        text = lines.read().splitlines()
    [slots] = {int(line.split(":")[1].split()[0]) for line in text if "MaxProcs:" in line}
    rows = np.array([line.split() for line in text if not line.startswith(";")], dtype=np.float64)
    rows = rows[np.argsort(rows[:, SUBMITTED], kind="stable")]
    width = np.where(rows[:, ALLOCATED] > 0, rows[:, ALLOCATED], rows[:, REQUESTED])
    never_ran, unknown = rows[:, RAN] <= 0, (width <= 0) | (rows[:, LIMIT] <= 0)
    kept = ~never_ran & ~unknown & (width <= slots)
    rows, width = rows[kept], width[kept]
    return ArchiveLog(
        path.name.removesuffix(".swf.gz"),
        slots,
        Workload(
            rows[:, SUBMITTED],
            np.minimum(rows[:, RAN], rows[:, LIMIT]),
            width,
            rows[:, LIMIT],
            np.unique(rows[:, USER], return_inverse=True)[1],
        ),
        {
            "never ran": int(never_ran.sum()),
            "size or request unknown": int((~never_ran & unknown).sum()),
            "wider than the machine": int((~never_ran & ~unknown).sum() - len(rows)),
        },
    )


def describe(log: ArchiveLog, made: Comparison) -> Iterator[dict[str, Any]]:
    yield {
        "log": log.name,
        "jobs": len(log.jobs),
        "slots": log.slots,
        "left_out": log.left_out,
        "patience_s": made.chosen.patience_s,
        "levels": made.chosen.slowdowns,
        "best_on_earlier": made.best,
    }
    for name, one in made.results.items():
        published = PUBLISHED.get(log.name, {}).get(name)
        difference = None if published is None else one.whole.slowdown / published - 1
        yield {
            "log": log.name,
            "policy": name,
            "level": one.named.level,
            "slowdown": round(one.whole.slowdown, 3),
            "published": published,
            "difference": None if difference is None else round(difference, 3),
            "wait_s": round(one.whole.wait_mean_s),
            "earlier": vars(one.earlier),
            "later": vars(one.later),
            "gain": [round(one.gain.share, 3), *_rounded(one.gain.interval)],
            "wait_gain": [round(one.wait_gain.share, 3), *_rounded(one.wait_gain.interval)],
        }


OURS: Mapping[str, tuple[str, ...]] = {
    "EASY like jobs": ("EASY last two", "EASY last two, corrected", "EASY last two, protected"),
    "SJBF like jobs": ("EASY++", "SJBF last two, corrected", "SJBF last two, protected", "SJBF"),
}


def compare_ours(log: ArchiveLog, made: Comparison) -> Iterator[dict[str, Any]]:
    """What like jobs gain on the last two, on the later part, over weeks."""
    later = made.is_later
    submitted = made.jobs.submitted_s[later]
    for ours, others in OURS.items():
        for other in others:
            schedules = [made.results[name].schedule for name in (other, ours)]
            slowed = [slowdowns(made.jobs, one)[later] for one in schedules]
            waits = [(one.started_s - made.jobs.submitted_s)[later] for one in schedules]
            gain, wait_gain = measure_gain(submitted, *slowed), measure_gain(submitted, *waits)
            yield {
                "log": log.name,
                "ours": ours,
                "against": other,
                "gain": [round(gain.share, 3), *_rounded(gain.interval)],
                "wait_gain": [round(wait_gain.share, 3), *_rounded(wait_gain.interval)],
            }


def _rounded(interval: Any) -> list[float]:
    return [round(interval.low, 3), round(interval.high, 3)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    for path in [path for path in sorted(args.folder.glob("*.swf.gz")) if args.only in path.name]:
        log = read_log(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        made = compare_policies(log.jobs, log.slots, lambda text: print(text, file=sys.stderr))
        seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        for line in chain(describe(log, made), compare_ours(log, made)):
            print(json.dumps(line), flush=True)
        for share in MORE_SLOTS:
            other = replay_slots(made, round(share * log.slots))
            print(json.dumps({"log": log.name} | asdict(other)), flush=True)
        print(json.dumps({"log": log.name, "cpu_s": round(seconds, 1)}), flush=True)


if __name__ == "__main__":
    main()
