"""Floors of scores, and verdicts on them: evidence for a retraining."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any, Literal

from runlore.models.score_names import display
from runlore.models.scores import ROUNDING
from runlore.specs.model_spec import HIGHER_IS_BETTER, Gate, ModelSpec, Score
from runlore.training.rules.gates import ScoreInterval, number

Answer = Literal["above", "below", "not enough data"]

# Outcomes that a calibration error needs: of fewer, a large error may still be chance.
LEAST_IN_BINS = 400


@dataclass(frozen=True)
class Floor:
    """A score must reach `bound`, or stay at or under it where lower is better.

    origin: what set it.
    """

    score: Score
    bound: float
    origin: str


@dataclass(frozen=True)
class FloorVerdict:
    """below: the whole interval of the score is worse than the floor."""

    floor: Floor
    measured: ScoreInterval | None
    answer: Answer
    reason: str


def floors(spec: ModelSpec, scores: Mapping[str, Any]) -> tuple[Floor, ...]:
    """The spec's own floors, and for other scores those that its gates imply.

    scores: a bundle's `scores`; a gate against the baseline makes a floor of what the baseline
    scored then, since a model that falls below it is worth less than none. Of its interval the end
    that is easier to reach: how good a baseline is can be known no better than from its rows. Of
    what a score must lie within, the worse end.
    """
    floor_of = {score: Floor(score, bound, "the spec") for score, bound in spec.performance.floors}
    for gate in spec.gates:
        if gate.score in floor_of or gate.against == "constant":
            continue
        if gate.against in ("baseline", "baseline's value"):
            bound = _easier_end((scores.get("baseline") or {}).get(gate.score), gate.score)
            if bound is not None:
                origin = "the baseline when this version was trained"
                floor_of[gate.score] = Floor(gate.score, bound, origin)
        else:
            floor_of[gate.score] = Floor(gate.score, _bound(gate), "a gate of the spec")
    return tuple(floor_of.values())


def _bound(gate: Gate) -> float:
    is_upper = gate.against == "within" and not is_higher_better(gate.score)
    return gate.upper if is_upper else gate.bound


def _easier_end(interval: Mapping[str, float | None] | None, score: Score) -> float | None:
    if not interval:
        return None
    end = interval.get("low" if is_higher_better(score) else "high")
    return interval["value"] if end is None else end


def least_for(score: Score, least: int) -> int:
    """Outcomes that a verdict on a score needs, where any verdict needs `least`."""
    return max(least, LEAST_IN_BINS) if score == "calibration_error" else least


def judge(
    floor: Floor, measured: ScoreInterval | None, labels: int, least: int, windows: int = 1
) -> FloorVerdict:
    """Judge a score by its floor. Missing data neither breaks a floor nor keeps it.

    windows: how many together hold the labels.
    """
    least = least_for(floor.score, least)
    if measured is None or labels < least or not measured.low <= measured.high:
        reason = f"{display(floor.score)}: {labels:,} outcomes are known, a verdict needs {least:,}"
        return FloorVerdict(floor, measured, "not enough data", reason)
    higher = is_higher_better(floor.score)
    judged = measured.beyond_chance
    best = judged.high if higher else judged.low
    is_worse = best < floor.bound if higher else best > floor.bound
    is_below = is_worse and not isclose(best, floor.bound, rel_tol=ROUNDING, abs_tol=ROUNDING)
    kind = "floor" if higher else "limit"
    over = f" over {windows} windows" if windows > 1 else ""
    finding = f"is worse than its {kind}" if is_below else f"keeps its {kind}"
    rule = f"{number(floor.bound)} (set by {floor.origin})"
    reason = f"{display(floor.score)} {measured}{over} {finding} {rule}"
    return FloorVerdict(floor, measured, "below" if is_below else "above", reason)


def is_higher_better(score: Score) -> bool:
    return score in HIGHER_IS_BETTER or score == "coverage"
