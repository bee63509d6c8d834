"""History features straight from their definition: loops over all facts, no state, plain Python.

A fact is a dict with EXECUTION_COLUMNS, `seq` and `revision`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from runlore.features.declaration import HistoryFeatures
from runlore.records.execution import NO_INSTANT

Fact = Mapping[str, Any]
FORGOTTEN = 1e-290
LARGEST = 1e38


@dataclass
class Execution:
    """One piece of work: its first fact, and its outcomes in the order they became known."""

    first: Fact
    outcomes: list[Fact] = field(default_factory=list)

    @property
    def at(self) -> int:
        return self.first["submission_known_at"]

    @property
    def seq(self) -> int:
        return self.first["seq"]

    @property
    def inputs(self) -> dict[str, Any]:
        return json.loads(self.first["inputs"])

    def known_at(self, outcome: Fact) -> int:
        return max(outcome["known_at"], self.at)

    def place(self, outcome: Fact) -> tuple[int, int, int, int]:
        """Where an outcome stands in the order of `events.Timeline`."""
        at = self.known_at(outcome)
        if at > self.at:
            return (at, 0, outcome["seq"], 0)
        return (at, 1, self.seq, 1 + self.outcomes.index(outcome))


def executions(facts: Sequence[Fact]) -> list[Execution]:
    """In the order of their first facts."""
    found: dict[tuple[str, str, int], Execution] = {}
    for fact in sorted(facts, key=lambda fact: fact["seq"]):
        name = (fact["source"], fact["source_id"], fact["submitted"])
        execution = found.setdefault(name, Execution(fact))
        if fact["status"] not in ("submitted", "running"):
            execution.outcomes.append(fact)
    for execution in found.values():
        execution.outcomes.sort(key=lambda fact: (fact["known_at"], fact["seq"]))
    return list(found.values())


def history_features(facts: Sequence[Fact], history: HistoryFeatures) -> list[dict[str, float]]:
    """Of each execution, in the order of their first facts, by `HistoryFeatures.columns` names."""
    every = executions(facts)
    keys = [key(history, execution) for execution in every]
    rows = []
    for i, execution in enumerate(every):
        others = [other for j, other in enumerate(every) if keys[j] == keys[i]]
        rows.append(_features(execution, others, history))
    return rows


def key(history: HistoryFeatures, execution: Execution) -> tuple[Any, ...]:
    inputs = {name: plain(value) for name, value in execution.inputs.items()}
    parts: list[Any] = []
    for name in history.keys:
        if name == "inputs":
            parts.append(frozenset((k, v) for k, v in inputs.items() if v not in (None, "")))
        elif name.startswith("inputs."):
            parts.append(inputs.get(name.removeprefix("inputs.")) or None)
        else:
            parts.append(execution.first[name])
    return tuple(str(part) if isinstance(part, float) else part for part in parts)


def plain(value: Any) -> str | float | None:
    """A value of an input: text, a number (truth values are 0 and 1), or nothing."""
    if isinstance(value, list | dict) or value is None:
        return None
    if isinstance(value, str):
        return value
    try:
        return str(float(value) + 0.0)
    except OverflowError:
        return "inf" if value > 0 else "-inf"


def known_before(subject: Execution, other: Execution) -> tuple[bool, list[Fact]]:
    """Whether the other's submission is known at the subject's, and which of its outcomes."""
    is_earlier = (other.at, other.seq) < (subject.at, subject.seq)
    if not is_earlier:
        return False, []
    return True, [f for f in other.outcomes if other.known_at(f) <= subject.at]


def _features(
    subject: Execution, others: Sequence[Execution], history: HistoryFeatures
) -> dict[str, float]:
    now = subject.at
    submitted: list[Execution] = []
    told: list[tuple[Execution, list[Fact]]] = []
    for other in others:
        is_known, outcomes = known_before(subject, other)
        if is_known:
            submitted.append(other)
        if outcomes:
            told.append((other, outcomes))
    last_outcome = max((each.known_at(f) for each, fs in told for f in fs), default=None)
    found = {
        "in_flight": float(len(submitted) - len(told)),
        "since_submission_s": _since(now, max((each.at for each in submitted), default=None)),
        "since_outcome_s": _since(now, last_outcome),
    }
    for half_life in history.half_lives_s:
        weights = [_weight(now - each.at, half_life) for each in submitted]
        found[f"submissions_{half_life}"] = math.fsum(weights)
    found |= {f"submissions_last{n}": float(len(submitted)) for n in history.last}
    for value in history.values:
        found |= _last(told, value)
        for half_life in history.half_lives_s:
            known = [
                (now - each.known_at(fs[0]), measured(fs[-1], value))
                for each, fs in told
                if not math.isnan(measured(fs[-1], value))
            ]
            idle = now - last_outcome if last_outcome is not None else 0
            found |= _moments(known, idle, half_life, f"{value}_{{}}_{half_life}")
        for n in history.last:
            found |= _of_last(told, value, n)
    return dict(zip(history.columns, found.values(), strict=True))


def _last(told: Sequence[tuple[Execution, list[Fact]]], value: str) -> dict[str, float]:
    """Of the last two executions whose first outcome told the value, what is now known of it."""
    telling = [(each, fs) for each, fs in told if not math.isnan(measured(fs[0], value))]
    telling.sort(key=lambda pair: pair[0].place(pair[1][0]))
    last_two = [measured(fs[-1], value) for _, fs in telling[-2:]]
    known = [x for x in last_two if not math.isnan(x)]
    return {
        f"{value}_last": last_two[-1] if last_two else math.nan,
        f"{value}_last2_mean": sum(known) / len(known) if known else math.nan,
    }


def _of_last(told: Sequence[tuple[Execution, list[Fact]]], value: str, n: int) -> dict[str, float]:
    """As pandas' `ewm(span=n)` over outcomes in order; corrections change the last two only."""
    events = sorted(
        ((each.place(fact), each, at, fact) for each, fs in told for at, fact in enumerate(fs)),
        key=lambda event: event[0],
    )
    entries: list[tuple[Execution, float]] = []
    for _, execution, revision, fact in events:
        x = measured(fact, value)
        if revision == 0 and not math.isnan(x):
            entries.append((execution, x))
        for place in (-1, -2):
            if revision and len(entries) >= -place and entries[place][0] is execution:
                entries[place] = (execution, x)
    values = pd.Series([x for _, x in entries], dtype=float)
    weights = ((n - 1) / (n + 1)) ** np.arange(len(values))[::-1] * values.notna()
    mean = values.ewm(span=n).mean().iloc[-1] if len(values) else math.nan
    spread = (
        math.sqrt((weights * (values - mean) ** 2).sum() / weights.sum()) if weights.any() else 0
    )
    name = f"{value}_{{}}_last{n}"
    return {
        name.format("count"): float(weights.sum()),
        name.format("mean"): mean,
        name.format("sd"): math.nan if math.isnan(mean) else spread,
    }


def _moments(
    known: Sequence[tuple[int, float]], idle: int, half_life: float, name: str
) -> dict[str, float]:
    count = math.fsum(_weight(age, half_life) for age, _ in known)
    mean = spread = math.nan
    if known and math.fsum(_weight(age - idle, half_life) for age, _ in known) >= FORGOTTEN:
        newest = min(age for age, _ in known)
        weights = [_weight(age - newest, half_life) for age, _ in known]
        total = math.fsum(weights)
        mean = math.fsum(w * x for w, (_, x) in zip(weights, known, strict=True)) / total
        squares = [w * (x - mean) ** 2 for w, (_, x) in zip(weights, known, strict=True)]
        spread = math.sqrt(math.fsum(squares) / total)
    return {name.format("count"): count, name.format("mean"): mean, name.format("sd"): spread}


def _weight(age_us: int, half_life_s: float) -> float:
    return 2.0 ** -(age_us / 1e6 / half_life_s)


def _since(now: int, then: int | None) -> float:
    return math.nan if then is None else (now - then) / 1e6


def measured(fact: Fact, value: str) -> float:
    if value == "failed":
        return 0.0 if fact["status"] == "succeeded" else 1.0
    if value == "duration_s":
        return _seconds(fact["started"], fact["finished"])
    if value == "log_duration":
        return math.log1p(_seconds(fact["started"], fact["finished"]))
    if value == "wait_s":
        return _seconds(fact["submitted"], fact["started"])
    told = json.loads(fact["outcome"]).get(value.removeprefix("outcome."))
    if not isinstance(told, int | float):
        return math.nan
    return float(max(min(told, LARGEST), -LARGEST))


def _seconds(start: int, end: int) -> float:
    if NO_INSTANT in (start, end):
        return math.nan
    return (end - start) / 1e6


def calendar(as_of_us: int, utc_offset_h: float) -> tuple[float, float, float]:
    """Hour, weekday, hour of the week, by the calendar of the standard library, to the second."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=as_of_us // 1_000_000, hours=utc_offset_h
    )
    hour = local.hour + local.minute / 60 + local.second / 3600
    return hour, float(local.weekday()), local.weekday() * 24 + hour
