"""What `store.rollout_evidence` adds up, row by row in plain Python."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.experiments.rules.sketch import sketch_of
from runlore.kernel.moments import Moments, moments_of, moments_of_counts, no_moments
from runlore.rollout.queries.evidence import EvidenceQuery, SharePeriod, UnitCounts
from runlore.rollout.rules.follow_up import FollowUp

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
    predictions, latencies = [], []
    for rows in units:
        answered = [each for each in rows if each["status"] == 200]
        if answered:
            shown = [_shown(each["prediction"], wanted) for each in answered]
            predictions.append(sum(shown) / len(shown))
        known = [each["latency_ms"] for each in answered if each["latency_ms"] is not None]
        if known:
            latencies.append(sum(known) / len(known))
    scored = [
        _scored([each for each in rows if each["status"] == 200], facts, wanted) for rows in units
    ]
    return UnitCounts(
        assigned=len(units),
        answered=len(predictions),
        due=sum(any(each.is_due for each in unit) for unit in scored),
        newest_at=max(each["at"] for rows in units for each in rows),
        errors=_share(units, range(500, 600)),
        refusals=_share(units, range(400, 500)),
        prediction=moments_of(predictions) if predictions else no_moments(),
        follow_ups=tuple(_followed(scored, age_s) for age_s in wanted.ages_s),
        latency=sketch_of(latencies),
    )


def _shown(prediction: float, wanted: EvidenceQuery) -> float:
    return prediction if wanted.is_probability else math.log1p(max(prediction, 0.0))


def _share(units: list[list[Row]], statuses: range) -> Moments:
    return moments_of_counts(
        len(units), sum(any(each["status"] in statuses for each in rows) for rows in units)
    )


@dataclass(frozen=True)
class Scored:
    """An answer, and what came of it. y: None where that is not known. delay_s: until it was."""

    age_s: float
    is_out: bool
    y: float | None
    loss: float
    delay_s: float

    @property
    def is_due(self) -> bool:
        return self.is_out or self.y is not None


def _scored(answered: list[Row], facts: Sequence[Row], wanted: EvidenceQuery) -> list[Scored]:
    first: dict[tuple[Any, ...], tuple[Row, list[Row]]] = {}
    for row in answered:
        is_wanted = not wanted.kinds or row["request"]["kind"] in wanted.kinds
        is_old = (wanted.at - row["at"]).total_seconds() >= wanted.ages_s[0]
        if row["source_id"] is not None and is_old and is_wanted:
            run = run_of(row, facts, wanted.at)
            name = (row["source"], row["source_id"], run[0]["submitted"] if run else None)
            first.setdefault(name, (row, run))
    scored = []
    for row, run in first.values():
        ends = [each for each in run if _is_end(each) and each["known_at"] <= wanted.at]
        ends.sort(key=lambda each: (each["known_at"], each["seq"]))
        y = _outcome(ends[-1], wanted.of) if ends else None
        apart = math.nan if y is None else row["prediction"] - y
        scored.append(
            Scored(
                age_s=(wanted.at - row["at"]).total_seconds(),
                is_out=not ends,
                y=y,
                loss=apart**2 if wanted.is_probability else abs(apart),
                delay_s=(ends[0]["known_at"] - row["at"]).total_seconds() if ends else math.nan,
            )
        )
    return scored


def _followed(units: list[list[Scored]], age_s: float) -> FollowUp:
    old = [[each for each in unit if each.age_s >= age_s] for unit in units]
    known = [[each for each in unit if each.y is not None] for unit in old]
    told = [unit for unit in known if unit]
    late = [sum(each.loss for each in unit if each.delay_s > age_s / 2) for unit in told]
    sums = [
        (sum(each.loss for each in unit), float(len(unit)), sum(each.y or 0.0 for each in unit))
        for unit in told
    ]
    return FollowUp(
        age_s=age_s,
        out=sum(each.is_out for unit in old for each in unit),
        known=_moments(sums),
        late=moments_of(late) if late else no_moments(),
        largest=max((loss for loss, _, _ in sums), default=0.0),
    )


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
