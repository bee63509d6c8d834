"""What `store.rollout_evidence` adds up, row by row in plain Python."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runlore.experiments.rules.sketch import sketch_of
from runlore.kernel.moments import Moments, moments_of, moments_of_counts, no_moments
from runlore.rollout.queries.evidence import EvidenceQuery, SharePeriod, UnitCounts

Row = Mapping[str, Any]


def count(
    ledger: Sequence[Row], facts: Sequence[Row], wanted: EvidenceQuery
) -> list[dict[str, UnitCounts]]:
    """ledger: its rows. facts: rows of `executions`, in sequence."""
    of_units: dict[str, list[Row]] = defaultdict(list)
    begins = min(span.begins for span in wanted.spans)
    for row in sorted(ledger, key=lambda each: (each["at"], each["id"])):
        unit = row["source_id"] if wanted.unit == "execution" else row["request"].get(wanted.unit)
        is_drawn = row["arm"] not in ("shadow", "batch", "champion-batch")
        if row["spec"] == wanted.spec and row["at"] >= begins and is_drawn and unit:
            of_units[unit].append(row)
    grouped: dict[tuple[int, str], list[list[Row]]] = defaultdict(list)
    for rows in of_units.values():
        span = _span(rows[0]["at"], wanted.spans)
        if span is not None:
            own = [each for each in rows if _span(each["at"], wanted.spans) == span]
            grouped[span, _arm(rows[0], wanted)].append(own)
    found: list[dict[str, UnitCounts]] = [{} for _ in wanted.spans]
    for (span, arm), units in grouped.items():
        found[span][arm] = _counted(units, facts, wanted)
    return found


def _span(at: datetime, spans: Sequence[SharePeriod]) -> int | None:
    for number, span in enumerate(spans):
        if span.begins <= at and (span.ends is None or at < span.ends):
            return number
    return None


def _arm(row: Row, wanted: EvidenceQuery) -> str:
    versions = {"champion": wanted.champion, "challenger": wanted.challenger}
    if versions.get(row["arm"]) == row["version"] and row["version"] is not None:
        return str(row["arm"])
    return f"{row['arm']} with version {row['version'] or 'none'}"


def _counted(units: list[list[Row]], facts: Sequence[Row], wanted: EvidenceQuery) -> UnitCounts:
    predictions, latencies, losses, due = [], [], [], 0
    for rows in units:
        answered = [each for each in rows if each["status"] == 200]
        if answered:
            shown = [_shown(each["prediction"], wanted) for each in answered]
            predictions.append(sum(shown) / len(shown))
        known = [each["latency_ms"] for each in answered if each["latency_ms"] is not None]
        if known:
            latencies.append(sum(known) / len(known))
        is_due, of_unit = _losses(answered, facts, wanted)
        due += is_due
        if of_unit:
            losses.append(of_unit)
    return UnitCounts(
        assigned=len(units),
        answered=len(predictions),
        due=due,
        newest_at=max(each["at"] for rows in units for each in rows),
        errors=_share(units, range(500, 600)),
        refusals=_share(units, range(400, 500)),
        prediction=moments_of(predictions) if predictions else no_moments(),
        loss=_moments(losses),
        latency=sketch_of(latencies),
    )


def _shown(prediction: float, wanted: EvidenceQuery) -> float:
    return prediction if wanted.is_probability else math.log1p(max(prediction, 0.0))


def _share(units: list[list[Row]], statuses: range) -> Moments:
    return moments_of_counts(
        len(units), sum(any(each["status"] in statuses for each in rows) for rows in units)
    )


def _losses(
    answered: list[Row], facts: Sequence[Row], wanted: EvidenceQuery
) -> tuple[bool, tuple[float, float, float] | None]:
    """Whether something is due, and the sums of losses, of ones and of outcomes."""
    first: dict[tuple[Any, ...], tuple[Row, list[Row]]] = {}
    for row in answered:
        is_wanted = not wanted.kinds or row["request"]["kind"] in wanted.kinds
        if row["source_id"] is not None and row["at"] <= wanted.due_at and is_wanted:
            run = run_of(row, facts, wanted.at)
            name = (row["source"], row["source_id"], run[0]["submitted"] if run else None)
            first.setdefault(name, (row, run))
    is_due, told = False, []
    for row, run in first.values():
        ends = [each for each in run if _is_end(each) and each["known_at"] <= wanted.at]
        ends.sort(key=lambda each: (each["known_at"], each["seq"]))
        y = _outcome(ends[-1], wanted.of) if ends else None
        is_due |= not ends or y is not None
        if y is not None:
            apart = row["prediction"] - y
            told.append((apart**2 if wanted.is_probability else abs(apart), y))
    if not told:
        return is_due, None
    return is_due, (sum(loss for loss, _ in told), float(len(told)), sum(y for _, y in told))


def run_of(answer: Row, facts: Sequence[Row], at: datetime) -> list[Row]:
    """The facts of the execution that an answer was about, by what was known at an instant."""
    runs: dict[datetime, list[Row]] = defaultdict(list)
    for each in facts:
        is_named = (each["source"], each["source_id"]) == (answer["source"], answer["source_id"])
        if is_named and each["submission_known_at"] <= at:
            runs[each["submitted"]].append(each)
    going_on = [
        submitted
        for submitted, run in runs.items()
        if not any(_is_end(each) and each["known_at"] < answer["as_of"] for each in run)
    ]
    if not going_on:
        return []
    return runs[min(going_on, key=lambda s: (abs(s - answer["as_of"]), -s.timestamp()))]


def _is_end(fact: Row) -> bool:
    return fact["status"] not in ("submitted", "running")


def _outcome(fact: Row, of: str) -> float | None:
    if of == "failed":
        return float(fact["status"] != "succeeded")
    duration_s = fact["outcome"].get("duration_s")
    if fact["started"] is not None and fact["finished"] is not None:
        duration_s = float((fact["finished"] - fact["started"]).total_seconds())
    if duration_s is None:
        return None
    return math.log1p(max(duration_s, 0.0)) if of == "log_duration" else duration_s


def _moments(losses: list[tuple[float, float, float]]) -> Moments:
    return moments_of(*zip(*losses, strict=True)) if losses else no_moments(3)
