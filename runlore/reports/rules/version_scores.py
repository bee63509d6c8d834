"""How good a version was when it was trained, beside the simple baseline, in words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runlore.kernel.readable import readable_quantity
from runlore.models.score_names import display
from runlore.specs.model_spec import Probability, Quantity
from runlore.training.rules.gates import ScoreInterval, interval_text

# The score that people know best comes first; an error is in the unit of what is predicted.
QUANTITY_SCORES = ("mae", "relative_accuracy", "coverage")
PROBABILITY_SCORES = ("auc", "brier", "calibration_error", "log_loss")
NAMES = {"failed": "fails", "duration_s": "how long an execution takes"}


@dataclass(frozen=True)
class VersionScore:
    """A score on the test part of the training. baseline: None: it has no such score."""

    score: str
    value: ScoreInterval
    baseline: ScoreInterval | None

    @property
    def name(self) -> str:
        return display(self.score)

    def text(self, unit: str) -> str:
        return interval_text(self.score, self.value, unit)

    def baseline_text(self, unit: str) -> str:
        return "" if self.baseline is None else interval_text(self.score, self.baseline, unit)


def question_text(question: Probability | Quantity) -> str:
    """What a spec predicts.

    >>> question_text(Probability("failed")), question_text(Quantity("duration_s", "s"))
    ('the probability that an execution fails', 'how long an execution takes')
    >>> question_text(Quantity("energy", "kWh")), question_text(Probability("late"))
    ('energy of an execution, in kWh', 'the probability of “late”')
    """
    known = NAMES.get(question.of)
    if isinstance(question, Probability):
        return (
            f"the probability that an execution {known}"
            if known
            else f"the probability of “{question.of}”"
        )
    return known or f"{question.of} of an execution, in {question.unit}"


def version_scores(description: Mapping[str, Any]) -> tuple[VersionScore, ...]:
    """All scores of a bundle's description; empty of one that was not trained here."""
    scores = description.get("scores") or {}
    candidate, baseline = scores.get("candidate") or {}, scores.get("baseline") or {}
    order = [*QUANTITY_SCORES, *PROBABILITY_SCORES]
    names = sorted(candidate, key=lambda name: order.index(name) if name in order else len(order))
    return tuple(
        VersionScore(name, value, _interval(baseline.get(name)))
        for name in names
        if (value := _interval(candidate[name])) is not None
    )


def plain_quality(score: VersionScore, unit: str) -> str:
    """One sentence about the first score, as somebody who knows no statistics reads it.

    >>> interval = ScoreInterval
    >>> known = VersionScore("mae", interval(420, 377, 464), interval(1020, 960, 1137))
    >>> plain_quality(known, "s")
    'Off by 7 min on average; the simple baseline by 17 min.'
    >>> plain_quality(VersionScore("auc", interval(0.744, 0.72, 0.77), None), "probability")
    'Ranks a case that happens above one that does not in 74 of 100 pairs.'
    """
    beside = score.baseline
    if score.score == "mae":
        text = f"Off by {readable_quantity(score.value.value, unit)} on average"
        also = f"; the simple baseline by {readable_quantity(beside.value, unit)}" if beside else ""
    elif score.score == "auc":
        pairs = round(100 * score.value.value)
        text = f"Ranks a case that happens above one that does not in {pairs} of 100 pairs"
        also = f"; the simple baseline in {round(100 * beside.value)}" if beside else ""
    else:
        text = f"{score.name} {score.text(unit)}"
        also = f"; the simple baseline {score.baseline_text(unit)}" if beside else ""
    return f"{text}{also}."


def _interval(ends: Mapping[str, float | None] | None) -> ScoreInterval | None:
    values = [(ends or {}).get(name) for name in ("value", "low", "high")]
    known = [value for value in values if value is not None]
    return ScoreInterval(*known) if len(known) == len(values) else None
