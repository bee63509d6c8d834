"""Judge whether a candidate is good enough: frozen evidence in, results with reasons out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan, sqrt

from runlore.kernel.readable import readable_quantity
from runlore.models.score_names import display
from runlore.specs.model_spec import (
    HIGHER_IS_BETTER,
    LEAST_COMPARED_DAYS,
    Gate,
    ModelSpec,
    Quantity,
    Score,
)

CHANCE_AUC = 0.5


@dataclass(frozen=True)
class ScoreInterval:
    """A score on the test part with its block-bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"

    @property
    def beyond_chance(self) -> "ScoreInterval":
        """The part of the score that a limit holds for."""
        return self


@dataclass(frozen=True)
class CalibrationInterval(ScoreInterval):
    """A calibration error, and what chance alone would give the same answers.

    chance: typically. chance_most: an error up to here is no error beyond chance.
    """

    chance: float
    chance_most: float

    def __str__(self) -> str:
        return f"{super().__str__()[:-1]}; by chance {number(self.chance)})"

    @property
    def beyond_chance(self) -> ScoreInterval:
        """The error without what chance gives: √(value² − chance²), and 0 where it may be chance.

        The interval is reflected at the value, so its low end holds no chance any more.
        """
        if self.value <= self.chance_most:
            return ScoreInterval(0.0, 0.0, self.high)
        beyond = sqrt(max(self.value**2 - self.chance**2, 0.0))
        return ScoreInterval(beyond, self.low, self.high)


@dataclass(frozen=True)
class GateEvidence:
    """The measurements on the test part.

    gains: by how much the candidate beats the baseline; above 0 is better for every score.
    constant: the score of one answer for all, and by how much the candidate beats that.
    days: that the test part spans; infinite where its order in time plays no part.
    """

    candidate: Mapping[Score, ScoreInterval]
    baseline: Mapping[Score, ScoreInterval] = field(default_factory=dict)
    gains: Mapping[Score, ScoreInterval] = field(default_factory=dict)
    constant: Mapping[Score, tuple[ScoreInterval, ScoreInterval]] = field(default_factory=dict)
    days: float = inf


@dataclass(frozen=True)
class GateResult:
    """Whether a candidate passes one gate, and why."""

    gate: Gate
    passed: bool
    reason: str


@dataclass(frozen=True)
class GateVerdict:
    """Whether a candidate passes all gates, and why."""

    passed: bool
    reasons: tuple[str, ...]


def judge(spec: ModelSpec, evidence: GateEvidence) -> tuple[GateResult, ...]:
    """Judge every gate of the spec, and that no constant is better.

    A score that is missing or NaN fails its gate. With cross-validation a bound is missed when the
    score's whole interval misses it: the few rows of such a log say no more.
    """
    against_constant = [Gate(score, "constant") for score in evidence.constant]
    return tuple(
        _judge_one(spec, gate, evidence, by_interval=not spec.split.is_by_time)
        for gate in dict.fromkeys((*spec.gates, *against_constant))
    )


def verdict(results: Sequence[GateResult]) -> GateVerdict:
    """Combine the results: passed when all are; the reasons of the failed ones, or else of all."""
    failed = [result for result in results if not result.passed]
    return GateVerdict(not failed, tuple(result.reason for result in failed or results))


def _judge_one(
    spec: ModelSpec, gate: Gate, evidence: GateEvidence, *, by_interval: bool
) -> GateResult:
    score, name = evidence.candidate.get(gate.score), display(gate.score)
    if score is None or isnan(score.value):
        return GateResult(gate, passed=False, reason=f"{name} could not be measured")
    unit = spec.question.unit if isinstance(spec.question, Quantity) else ""
    if gate.against in ("baseline", "baseline's value"):
        return _against_baseline(gate, score, evidence, unit, by_interval=by_interval)
    if gate.against == "constant":
        is_strict = any(other.against == "baseline" for other in spec.gates)
        return _against_constant(gate, score, evidence, unit, is_strict=is_strict)
    shown, bound = _shown(gate, score, unit), score_text(gate.score, gate.bound, unit)
    judged = score.beyond_chance
    least, most = (judged.low, judged.high) if by_interval else (judged.value, judged.value)
    if gate.against == "within":
        passed = gate.bound <= most and least <= gate.upper
        upper = score_text(gate.score, gate.upper, unit)
        return _result(gate, passed, f"{shown} must lie within {bound} to {upper}")
    if gate.score in HIGHER_IS_BETTER:
        return _result(gate, most >= gate.bound, f"{shown} must reach {bound}")
    beyond = " beyond chance" if gate.score == "calibration_error" else ""
    return _result(gate, least <= gate.bound, f"{shown} must be at most {bound}{beyond}")


def _against_baseline(
    gate: Gate, score: ScoreInterval, evidence: GateEvidence, unit: str, *, by_interval: bool
) -> GateResult:
    shown = _shown(gate, score, unit)
    theirs, gain = evidence.baseline.get(gate.score), evidence.gains.get(gate.score)
    if theirs is None or gain is None or isnan(gain.low):
        reason = f"{shown} could not be compared with the baseline"
        return GateResult(gate, passed=False, reason=reason)
    beside = interval_text(gate.score, theirs, unit)
    if gate.against == "baseline's value":
        reason = f"{shown} must be no worse than the baseline's {beside}"
        return _result(gate, (gain.high if by_interval else gain.value) >= 0, reason)
    reason = (
        f"{shown} must beat the baseline's {beside}; it is better by"
        f" {interval_text(gate.score, gain, unit)}{_span(evidence)}, and that interval must lie"
        " above 0"
    )
    if gate.score == "auc" and not score.low > CHANCE_AUC:
        return GateResult(
            gate, passed=False, reason=f"{reason}: but it may be no better than chance"
        )
    return _result(gate, gain.low > 0, reason)


def _against_constant(
    gate: Gate, score: ScoreInterval, evidence: GateEvidence, unit: str, *, is_strict: bool
) -> GateResult:
    """By value where the spec demands a gain over its baseline, too; else unless surely worse."""
    shown = _shown(gate, score, unit)
    if gate.score not in evidence.constant:
        reason = f"{shown} could not be compared with one answer for all"
        return GateResult(gate, passed=False, reason=reason)
    theirs, gain = evidence.constant[gate.score]
    beside = interval_text(gate.score, theirs, unit)
    if is_strict:
        return _result(gate, gain.value > 0, f"{shown} must beat one answer for all, {beside}")
    reason = f"{shown} must not be surely worse than one answer for all, {beside}"
    return _result(gate, gain.high >= 0, reason)


def _span(evidence: GateEvidence) -> str:
    """Too short a test part is said, as the interval cannot know what lasts for days."""
    if evidence.days >= LEAST_COMPARED_DAYS:
        return ""
    return f" in only {number(evidence.days)} days"


def _shown(gate: Gate, score: ScoreInterval, unit: str) -> str:
    return f"{display(gate.score)} {interval_text(gate.score, score, unit)}"


def _result(gate: Gate, passed: bool, reason: str) -> GateResult:
    return GateResult(gate, passed, f"{reason}: {'yes' if passed else 'no'}")


def number(value: float) -> str:
    """A number with four significant digits, without an exponent where people read it."""
    if isnan(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def score_text(score: str, value: float, unit: str = "") -> str:
    """A score for people: an error in the unit of what is predicted, other scores as numbers.

    >>> score_text("mae", 455.2, "s"), score_text("auc", 0.76543, "s"), score_text("mae", 3.0)
    ('7.6 min', '0.7654', '3')
    """
    if score == "mae" and unit and not isnan(value):
        return readable_quantity(value, unit)
    return number(value)


def interval_text(score: str, interval: ScoreInterval, unit: str = "") -> str:
    """A score with its interval, for people.

    >>> interval_text("mae", ScoreInterval(4_469, 3_256, 5_986), "s")
    '74 min (54 min to 100 min)'
    """
    value, low, high = (
        score_text(score, bound, unit) for bound in (interval.value, interval.low, interval.high)
    )
    beside = ""
    if isinstance(interval, CalibrationInterval):
        beside = f"; by chance {number(interval.chance)}"
    return f"{value} ({low} to {high}{beside})"
