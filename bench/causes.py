"""Planted causes among noise: is "why" right, silent or wrong?

    python bench/causes.py --incidents 500

Each incident is a log of 28 days with 5 kinds, 12 scopes, 10 actors, 5 inputs, failures upstream
and a metric; in the last 12 hours something happens. Beside it, two naive answers: the value with
most failures, and the value with the highest failure rate. "visible": who looks at the planted
value alone sees that failures with it rose, at 5 %; nobody can know the others.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.advice.actions.cause_columns import cause_columns
from runlore.advice.queries.failures import FailureRows
from runlore.advice.rules.causes.columns import CauseColumn, flag_column
from runlore.advice.rules.causes.expected import FailureTable
from runlore.advice.rules.causes.metric_levels import MetricLevels
from runlore.advice.rules.causes.search import ALPHA, CauseSearch, find_cause

DAY_S, WINDOW_S = 86_400.0, 12 * 3_600.0
Flags = NDArray[np.bool_]
SORTS = (
    "scope", "actor", "kind", "value", "version", "size", "upstream", "metric",
    "together", "nothing", "noisy", "everything", "hidden", "habit",
)  # fmt: skip
NO_CAUSE = {"nothing", "noisy", "everything", "hidden", "habit"}


@dataclass(frozen=True)
class Incident:
    """truth: names of columns and values that are right, any of them; empty: there is no cause."""

    sort: str
    strength: float
    table: FailureTable
    columns: list[CauseColumn]
    truth: set[tuple[str, str]]


def simulate(sort: str, rng: np.random.Generator) -> Incident:
    rows = int(rng.integers(5_000, 20_000))
    at = np.sort(rng.uniform(-28 * DAY_S, WINDOW_S, rows))
    now = at >= 0
    hour = (at // 3600 % 24).astype(np.int64)
    part = {
        "kind": rng.choice(5, rows, p=[0.4, 0.25, 0.15, 0.1, 0.1]),
        "scope": rng.integers(12, size=rows),
        "actor": rng.choice(10, rows, p=np.array([5, 4, 3, 2, 2, 1, 1, 1, 1, 1]) / 21),
        "queue": rng.integers(4, size=rows),
        "version": rng.integers(3, size=rows),
        "flag": rng.integers(2, size=rows),
        "region": rng.integers(3, size=rows),
    }
    size = rng.lognormal(3 + 0.3 * part["kind"], 1.0)
    rate = np.array([0.02, 0.05, 0.08, 0.04, 0.12])[part["kind"]] * (1 + 0.5 * (hour < 6))
    rate = rate * np.exp(rng.normal(0, 0.3, 12))[part["scope"]]
    strength = float(rng.choice([0.3, 0.5, 0.8]))
    truth, hit = _plant(sort, part, size, now, rng)
    if sort == "together":
        part["zone"] = np.where(part["queue"] == 1, 1, 0) * 1
        truth |= {("zone", "1")}
    if sort == "noisy":
        days = np.floor(at / DAY_S).astype(int)
        rate = rate * rng.gamma(4, 0.25, days.max() - days.min() + 1)[days - days.min()]
    if sort == "everything":
        rate = np.where(now, rate * rng.uniform(2, 4), rate)
    if sort == "habit":
        rate = np.where(part["scope"] == 2, rate * 4, rate)
        rate = np.where(now, rate * 2, rate)
    if sort == "hidden":
        hit = now & (rng.random(rows) < 0.25)
    upstream, metric = rng.random(rows) < 0.05, rng.random(rows) < 0.04
    if sort == "upstream":
        upstream = np.where(now, rng.random(rows) < 0.25, upstream)
        hit, truth = now & upstream, {("prepare", "in the same scope, an hour before")}
    if sort == "metric":
        metric = np.where(now, rng.random(rows) < 0.3, metric)
        hit, truth = now & metric, {("load", "outside its usual range")}
    rate = np.where(hit, np.maximum(rate, strength), rate)
    failed = rng.random(rows) < np.clip(rate, 0, 0.95)
    table = FailureTable(failed, part["kind"].astype(np.int64), hour, at)
    columns = _columns(part, size, at, now)
    columns.append(
        flag_column("earlier failure", "prepare", "in the same scope, an hour before", upstream)
    )
    columns.append(flag_column("metric", "load", "outside its usual range", metric))
    return Incident(sort, strength, table, columns, truth)


def _plant(
    sort: str, part: dict, size: NDArray[np.float64], now: Flags, rng: np.random.Generator
) -> tuple[set[tuple[str, str]], Flags]:
    none = np.zeros(len(now), bool)
    if sort in ("scope", "actor", "kind"):
        code = {"scope": 3, "actor": 2, "kind": 2}[sort]
        return {("", f"{sort}-{code}")}, now & (part[sort] == code)
    if sort in ("value", "together"):
        return {("queue", "1")}, now & (part["queue"] == 1)
    if sort == "version":  # new, on a part of the scopes, after the incident began
        new = now & (part["scope"] % 3 == 0) & (rng.random(len(now)) < 0.9)
        part["version"] = np.where(new, 9, part["version"])
        return {("version", "9")}, new
    if sort == "size":
        return {("size", "≥")}, now & (size > np.quantile(size, 0.85))
    return set(), none


def _columns(part: dict, size: NDArray[np.float64], at: NDArray, now: Flags) -> list[CauseColumn]:
    """Through the same code as the rows of a log."""
    names = ["kind", "scope", "actor"]
    runs = pd.DataFrame({n: [f"{n}-{code}" for code in part[n]] for n in names})
    runs["submitted_s"] = at
    inputs = [
        pd.DataFrame({"run": runs.index, "name": n, "label": codes.astype(str), "number": np.nan})
        for n, codes in part.items()
        if n not in names
    ]
    inputs.append(
        pd.DataFrame({"run": runs.index, "name": "size", "label": size.astype(str), "number": size})
    )
    nothing = pd.DataFrame(columns=["kind", "scope", "finished_s"])
    return cause_columns(FailureRows(runs, pd.concat(inputs), nothing), now, MetricLevels(0), 0)


def judge(incident: Incident, search: CauseSearch) -> str:
    if search.answer != "cause":
        return search.answer
    named = {(one.name, one.value) for one in search.causes}
    named |= {(one.name, one.value[:1]) for one in search.causes}
    if incident.sort == "together":
        return "right" if incident.truth <= named else "wrong"
    return "right" if named & incident.truth else "wrong"


def is_visible(incident: Incident) -> bool:
    """Whether somebody who looks at the right value alone sees a rise at 5 %: what can be known."""
    columns = [
        flag_column(one.what, one.name, label, one.codes == code)
        for one in incident.columns
        for code, label in enumerate(one.labels)
        if {(one.name, label), (one.name, label[:1])} & incident.truth
    ]
    return any(
        suspect.p <= ALPHA
        for column in columns
        for suspect in find_cause(incident.table, [column]).suspects
    )


def naive(incident: Incident, *, by_rate: bool) -> str:
    """The value with most failures (or the highest rate of them) in the window, of any column."""
    best, place = -1.0, ("", "")
    now = incident.table.in_window
    for column in incident.columns:
        here = now & (column.codes >= 0)
        failed = np.bincount(column.codes[here & incident.table.failed], minlength=1)
        rows = np.bincount(column.codes[here], minlength=1)
        failed = np.pad(failed, (0, len(rows) - len(failed)))
        score = np.where(rows >= 5, failed / np.maximum(rows, 1), 0) if by_rate else failed
        if len(score) and score.max() > best:
            code = int(score.argmax())
            best, place = float(score.max()), (column.name, column.labels[code])
    return "right" if {place, (place[0], place[1][:1])} & incident.truth else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    began = time.process_time()
    for number in range(chosen.incidents):
        incident = simulate(SORTS[number % len(SORTS)], rng)
        search = find_cause(incident.table, incident.columns)
        answer = judge(incident, search)
        planted = incident.sort not in NO_CAUSE
        is_seen = planted and is_visible(incident)
        group = f"{incident.sort} {incident.strength:.0%}" if planted else incident.sort
        for name in (group, "planted" if planted else "no cause", "all"):
            counts[name][answer] += 1
            counts[name]["visible"] += is_seen
            counts[name]["risen"] += search.is_risen
            counts[name]["naive right"] += naive(incident, by_rate=False) == "right"
            counts[name]["rate right"] += naive(incident, by_rate=True) == "right"
    took = time.process_time() - began
    if chosen.json:
        print(json.dumps({name: dict(one) for name, one in counts.items()}))
        return
    names = (
        "right",
        "not known",
        "no incident",
        "wrong",
        "risen",
        "visible",
        "naive right",
        "rate right",
    )
    print(f"{'':16}" + "".join(f"{name:>13}" for name in names))
    for name in sorted(counts):
        total = sum(counts[name][one] for one in names[:4])
        print(
            f"{name:16}"
            + "".join(f"{counts[name][one] / total:13.1%}" for one in names)
            + f"  n={total}"
        )
    print(f"{took:.0f} CPU s, {took / chosen.incidents:.2f} an incident")


if __name__ == "__main__":
    main()
