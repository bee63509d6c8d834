"""Why a model may not be used, in words: the gates that it failed."""

from collections.abc import Iterator
from math import isnan

from runlore.kernel.readable import readable_duration, readable_share
from runlore.specs.model_spec import Gate, Score
from runlore.training.rules.gates import (
    CalibrationInterval,
    GateEvidence,
    GateResult,
    ScoreInterval,
)

NAMES: dict[Score, str] = {
    "auc": "AUC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_error": "error of the risk",
    "mae": "mean error",
    "relative_accuracy": "relative accuracy",
    "coverage": "share of runs inside the interval",
}
SHARES: frozenset[Score] = frozenset({"calibration_error", "coverage"})


def refusals(gates: tuple[GateResult, ...], evidence: GateEvidence) -> Iterator[str]:
    """A sentence, without its full stop, for each gate that was failed."""
    for result in gates:
        if not result.passed:
            yield _refusal(result.gate, evidence)


def _refusal(gate: Gate, evidence: GateEvidence) -> str:
    name, ours = NAMES[gate.score], evidence.candidate.get(gate.score)
    if ours is None or isnan(ours.value):
        return f"its {name} could not be measured"
    said = _shown(gate.score, ours)
    if gate.against == "within":
        low, high = _value(gate.score, gate.bound), _value(gate.score, gate.upper)
        return f"its {name} is {said}, and {low} to {high} are meant"
    if gate.against == "bound":
        beyond = ""
        if isinstance(ours, CalibrationInterval):
            beyond = f" beyond the {_value(gate.score, ours.chance)} that chance gives"
        return f"its {name} is {said}, and {_value(gate.score, gate.bound)}{beyond} is the limit"
    theirs, gain = evidence.baseline.get(gate.score), evidence.gains.get(gate.score)
    if theirs is None or gain is None or isnan(gain.low):
        return f"its {name} of {said} could not be compared with the simple guess"
    if gain.value <= 0:
        beside = _shown(gate.score, theirs)
        return f"its {name} of {said} is no better than the simple guess's {beside}"
    return (
        f"its {name} of {said} is better than the simple guess's {_value(gate.score, theirs.value)}"
        f" by {_shown(gate.score, gain)}, which may be chance"
    )


def _shown(score: Score, one: ScoreInterval) -> str:
    low, high = _value(score, one.low), _value(score, one.high)
    return f"{_value(score, one.value)} ({low} to {high})"


def _value(score: Score, value: float) -> str:
    """A score as people read it.

    >>> _value("auc", 0.75312), _value("mae", 4_260.0), _value("coverage", 0.9)
    ('0.753', '71 min', '90 %')
    """
    if score == "mae":
        return readable_duration(value)
    return readable_share(value) if score in SHARES else f"{value:.3f}"
