"""The strongest patterns of public logs, and how many of the first half hold in the second.

    python bench/pattern_logs.py FOLDER PAGE.md [--actors N]

FOLDER has hpc/*.swf.gz and ci/rails.csv.gz. Patterns of the N actors with the most executions, and
of kinds (queues, builds), are found in the first half of the log's time, from what was known then,
and looked at again in the second. One holds when the second half has at least 5 days (or weeks) of
it and its share is nearer to that of the first half than to chance, as the second half's common
cycle has it. Beside it: patterns of the same sort with a window, weekday, period or pair drawn at
random, 20 for each, by the same rule. Clusters are not looked at again.
"""

import argparse
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from runlore.advice.rules.patterns.behaviour import (
    Behaviour,
    ComparedBehaviour,
    Labels,
    Part,
    StreamCounts,
    common_cycle,
    own_counts,
    rows_of,
)
from runlore.advice.rules.patterns.chance import PatternTest
from runlore.advice.rules.patterns.details import (
    Clusters,
    Detail,
    FailureTime,
    HabitShift,
    NextRun,
    Period,
    TimeOfDay,
    Weekdays,
)
from runlore.advice.rules.patterns.failure_times import DETAILS, measure_failures
from runlore.advice.rules.patterns.finding import find_patterns
from runlore.advice.rules.patterns.names import describe
from runlore.advice.rules.patterns.periods import PERIODS, measure_period
from runlore.advice.rules.patterns.sequences import WITHIN_S, judge_sequence
from runlore.advice.rules.patterns.shifts import weekly_figures
from runlore.advice.rules.patterns.times_of_day import measure_time
from runlore.advice.rules.patterns.weekdays import measure_weekdays

PLACEBOS, LEAST_SUPPORT, LEAST_RUNS, TOP = 20, 5, 100, 10
RANDOM = np.random.default_rng(1)
Figures = tuple[float, float, int]


def read_swf(path: Path) -> tuple[pd.DataFrame, tzinfo]:
    text = gzip.open(path, "rt").read()  # noqa: SIM115
    header = dict(
        line.lstrip("; ").split(":", 1)
        for line in text.splitlines()[:80]
        if line.startswith(";") and ":" in line
    )
    zone = ZoneInfo(header.get("TimeZoneString", "UTC").strip())
    rows = np.array([line.split() for line in text.splitlines() if line and line[0] != ";"], float)
    frame = pd.DataFrame(
        {
            "at": rows[:, 1] + float(header["UnixStartTime"]),
            "took": np.where(rows[:, 3] > 0, rows[:, 3], np.nan),
            "wait": np.maximum(rows[:, 2], 0),
            "failed": np.select([rows[:, 10] == 1, rows[:, 10] == 0], [0.0, 1.0], np.nan),
            "actor": [f"user {int(one)}" for one in rows[:, 11]],
            "kind": [f"program {int(one)}" if one > 0 else "job" for one in rows[:, 13]],
            "scope": [f"queue {int(one)}" for one in rows[:, 14]],
            "processors": np.where(rows[:, 4] > 0, rows[:, 4], rows[:, 7]),
        }
    )
    frame["ended"] = frame["at"] + frame["wait"] + frame["took"]
    return frame.sort_values("at", kind="stable", ignore_index=True), zone


def read_builds(path: Path) -> tuple[pd.DataFrame, tzinfo]:
    table = pd.read_csv(path)
    at = pd.to_datetime(table["gh_build_started_at"], utc=True)
    seconds = (at - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()
    frame = pd.DataFrame(
        {
            "at": seconds,
            "took": np.nan,
            "ended": seconds,
            "failed": table["build_Failed"].to_numpy(float),
            "actor": path.name.split(".")[0],
            "kind": "build",
            "scope": "",
            "processors": np.nan,
        }
    )
    return frame.sort_values("at", kind="stable", ignore_index=True), UTC


def known_at(frame: pd.DataFrame, until: float) -> pd.DataFrame:
    seen = frame[frame["at"] < until].copy()
    open_ = ~(seen["ended"] < until)
    seen.loc[open_, ["took", "ended", "failed"]] = np.nan
    return seen


def labels(values: pd.Series) -> Labels:
    codes, names = pd.factorize(values, sort=True)
    return Labels(codes.astype(np.int64), tuple(names))


def behaviour(frame: pd.DataFrame, part: Part, name: str, zone: tzinfo) -> Behaviour:
    return Behaviour(
        part,
        name,
        zone,
        frame["at"].to_numpy(),
        frame["ended"].to_numpy(),
        frame["took"].to_numpy(),
        frame["failed"].to_numpy(),
        {one: labels(frame[one]) for one in ("actor", "kind", "scope")},
        {"processors": frame["processors"].to_numpy(float)},
    )


def everybody(frame: pd.DataFrame, zone: tzinfo) -> StreamCounts:
    return own_counts(behaviour(frame, "actor", "", zone))


def subjects(frame: pd.DataFrame, actors: int) -> Iterator[tuple[Part, str]]:
    for part, most in (("actor", actors), ("scope", 10), ("kind", 10)):
        counts = frame[part].value_counts()
        for name in counts.index[:most]:
            if name and counts[name] >= LEAST_RUNS:
                yield part, name  # type: ignore[misc]


def measure(test: PatternTest, compared: ComparedBehaviour) -> Figures:
    """The same share, chance and support in another half."""
    rows = rows_of(compared.behaviour, test.group)
    found: Figures = 0.0, 0.0, 0
    if not rows.size:
        return found
    match test.detail:
        case TimeOfDay() as detail:
            found = measure_time(compared, rows, detail)
        case Weekdays() as detail:
            found = measure_weekdays(compared, rows, detail)
        case Period() as detail:
            found = measure_period(compared, rows, detail)
        case NextRun() as detail:
            found = judge_sequence(compared.behaviour, detail)[:3]
        case FailureTime() as detail:
            found = measure_failures(compared, rows, detail)[:3]
        case HabitShift() as detail:
            figures = {(w, n): values for w, n, values in weekly_figures(compared.behaviour)}
            values = figures.get((detail.measure, detail.name), np.empty(0))
            if values.size:
                found = float(np.nanmean(values)), detail.before, len(values)
    return found


def holds(test: PatternTest, figures: Figures) -> bool | None:
    """None: too little of it is there."""
    share, chance, support = figures
    if support < LEAST_SUPPORT:
        return None
    gain, before = share - chance, test.share - test.chance
    return bool(gain / before >= 0.5)


def placebos(
    test: PatternTest, compared: ComparedBehaviour, random: np.random.Generator
) -> Iterator[PatternTest]:
    for _ in range(PLACEBOS):
        detail: Detail = test.detail
        drawn: Detail
        match detail:
            case TimeOfDay():
                drawn = replace(detail, begin=5 * int(random.integers(288)))
            case Weekdays():
                days = random.choice(7, len(detail.days), replace=False)
                drawn = Weekdays(tuple(int(day) for day in days))
            case Period():
                drawn = Period(float(random.choice(PERIODS)))
            case NextRun():
                names = compared.behaviour.labels[detail.part]
                some = [names.names[at] for at in names.largest[:6]]
                drawn = replace(
                    detail,
                    first=str(random.choice(some)),
                    then=str(random.choice(some)),
                    within_s=float(random.choice(WITHIN_S)),
                )
            case FailureTime():
                drawn = DETAILS[int(random.integers(len(DETAILS)))]
            case _:
                return
        yield replace(test, detail=drawn)


@dataclass
class HalfTally:
    """found: pattern, part and name. verdicts, by_chance: by sort; None: too little later."""

    found: list[tuple[PatternTest, Part, str]] = field(default_factory=list)
    verdicts: dict[str, list[bool | None]] = field(default_factory=dict)
    by_chance: dict[str, list[bool | None]] = field(default_factory=dict)

    def add(self, test: PatternTest, later: ComparedBehaviour | None) -> None:
        if isinstance(test.detail, Clusters):
            return
        known = self.verdicts.setdefault(test.sort, [])
        if later is None:
            known.append(None)
            return
        known.append(holds(test, measure(test, later)))
        drawn = self.by_chance.setdefault(test.sort, [])
        drawn += [holds(one, measure(one, later)) for one in placebos(test, later, RANDOM)]


def judge(frame: pd.DataFrame, zone: tzinfo, actors: int) -> tuple[HalfTally, int]:
    """What is found in the first half, and the number of subjects."""
    middle = float(frame["at"].iloc[0] + frame["at"].iloc[-1]) / 2
    first, second = known_at(frame, middle), frame[frame["at"] >= middle]
    totals = everybody(first, zone), everybody(second, zone)
    tally, chosen = HalfTally(), list(subjects(first, actors))
    for part, name in chosen:
        own = compare(first, totals[0], part, name, zone)
        has_more = (second[part] == name).any()
        later = compare(second, totals[1], part, name, zone) if has_more else None
        for one in find_patterns(own).patterns:
            tally.found.append((one.test, part, name))
            tally.add(one.test, later)
    tally.found.sort(key=lambda one: (one[0].p, -(one[0].share - one[0].chance)))
    return tally, len(chosen)


def compare(
    frame: pd.DataFrame, total: StreamCounts, part: Part, name: str, zone: tzinfo
) -> ComparedBehaviour:
    own = behaviour(frame[frame[part] == name], part, name, zone)
    return ComparedBehaviour(own, common_cycle(total, own_counts(own)))


def write(name: str, frame: pd.DataFrame, tally: HalfTally, count: int) -> list[str]:
    lines = [
        f"## {name}",
        "",
        f"{len(frame):,} executions; {count} actors, kinds and scopes of the first half,"
        f" {len(tally.found)} patterns.",
        "",
        "| of | pattern | n | support | p |",
        "|---|---|---|---|---|",
    ]
    for test, part, subject in tally.found[:TOP]:
        text = describe(test, part, subject)
        lines.append(
            f"| {part} {subject} | {text} | {test.n} | {test.support} {test.unit} | {test.p:.1e} |"
        )
    lines += ["", "| sort | patterns | judged | hold | by chance |", "|---|---|---|---|---|"]
    for sort, verdicts in sorted(tally.verdicts.items()):
        lines.append(_row(sort, verdicts, tally.by_chance.get(sort, [])))
    every = [one for verdicts in tally.verdicts.values() for one in verdicts]
    drawn = [one for verdicts in tally.by_chance.values() for one in verdicts]
    return [*lines, _row("all", every, drawn), ""]


def _row(sort: str, verdicts: list[bool | None], drawn: list[bool | None]) -> str:
    judged = sum(one is not None for one in verdicts)
    return f"| {sort} | {len(verdicts)} | {judged} | {_share(verdicts)} | {_share(drawn)} |"


def _share(verdicts: list[bool | None]) -> str:
    known = [one for one in verdicts if one is not None]
    return f"{sum(known)} of {len(known)} ({np.mean(known):.0%})" if known else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--actors", type=int, default=60)
    parser.add_argument("--only", default="")
    said = parser.parse_args()
    lines: list[str] = []
    for path in [*sorted((said.folder / "hpc").glob("*.gz")), said.folder / "ci" / "rails.csv.gz"]:
        if said.only in path.name:
            frame, zone = read_swf(path) if ".swf" in path.name else read_builds(path)
            tally, count = judge(frame, zone, said.actors)
            lines += write(path.name.split(".")[0], frame, tally, count)
            said.page.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
